// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "options.hpp"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <sstream>

#include "opencv2/core.hpp"
#include "config.hpp"
#include "text.hpp"
#include "utf8.hpp"

using cv::semcorr::printable;

namespace train {

namespace {

struct Option
{
    const char* name;
    const char* value;  // what stands for the value in --help; empty for flags
    const char* help;
    bool learning;      // whether it changes what is learned; files do by their contents, of which there are fingerprints
    std::function<void(Options&, const std::string&)> set;  // throws for values it does not take
    std::function<std::string(const Options&)> get;
};

[[noreturn]] void refuse(const char* name, const std::string& text, const std::string& expected)
{
    CV_Error(cv::Error::StsBadArg, cv::format("--%s=%s: expected %s", name, printable(text).c_str(), expected.c_str()));
}

double parseNumber(const char* name, const std::string& text, double low, double high, bool whole)
{
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end || !(value >= low && value <= high) || (whole && value != std::floor(value)))
        refuse(name, text, cv::format("a %snumber in [%g, %g]", whole ? "whole " : "", low, high));
    return value;
}

std::string show(double value)
{
    return cv::format("%.10g", value);
}

Option integer(const char* name, int Options::*member, double low, double high, const char* help, bool learning = true)
{
    return { name, "N", help, learning,
             [=](Options& o, const std::string& text) { o.*member = (int)parseNumber(name, text, low, high, true); },
             [=](const Options& o) { return show(o.*member); } };
}

Option real(const char* name, double Options::*member, double low, double high, const char* help, bool learning = true)
{
    return { name, "X", help, learning,
             [=](Options& o, const std::string& text) { o.*member = parseNumber(name, text, low, high, false); },
             [=](const Options& o) { return show(o.*member); } };
}

// A text that goes into the model's provenance; Matcher::save would refuse others when all has been learned
Option note(const char* name, std::string Options::*member, const char* value, const char* help)
{
    enum { MOST = 30000 };
    return { name, value, help, false,
             [=](Options& o, const std::string& s)
             {
                 if (s.size() > MOST || toUtf8(s) != s)
                     refuse(name, s, cv::format("at most %d bytes of valid UTF-8", (int)MOST));
                 o.*member = s;
             },
             [=](const Options& o) { return o.*member; } };
}

Option text(const char* name, std::string Options::*member, const char* value, const char* help, bool learning = true)
{
    return { name, value, help, learning,
             [=](Options& o, const std::string& s) { o.*member = s; },
             [=](const Options& o) { return o.*member; } };
}

// choices: "a|b|c"
Option choice(const char* name, std::string Options::*member, const char* choices, const char* help, bool learning = true)
{
    return { name, choices, help, learning,
             [=](Options& o, const std::string& s)
             {
                 const std::string all = "|" + std::string(choices) + "|";
                 if (s.empty() || s.find('|') != std::string::npos || all.find("|" + s + "|") == std::string::npos)
                     refuse(name, s, choices);
                 o.*member = s;
             },
             [=](const Options& o) { return o.*member; } };
}

Option flag(const char* name, bool Options::*member, const char* help, bool learning = true)
{
    return { name, "", help, learning,
             [=](Options& o, const std::string& s)
             {
                 if (!s.empty() && s != "0" && s != "1")
                     refuse(name, s, "0 or 1");
                 o.*member = s != "0";
             },
             [=](const Options& o) { return std::string(o.*member ? "1" : "0"); } };
}

// A heading, then its options
struct Group
{
    const char* title;
    std::vector<Option> options;
};

const std::vector<Group>& table()
{
    typedef Options O;
    static const std::vector<Group> groups = {
        { "Data", {
            choice("dataset", &O::dataset, "csv|images|pfpascal|pfwillow|spair", "the format of the pairs; images: a CSV without points"),
            text("root", &O::root, "DIR", "the data set's folder", false),
            text("pairs", &O::pairs, "CSV", "pairs to train on; for data sets with splits the split's name, such as trn", false),
            text("val-pairs", &O::valPairs, "CSV", "pairs to validate on, likewise, but with points; none: keep the last weights",
                 false),
            text("only", &O::only, "A,B", "train on these categories only"),
            text("without", &O::without, "A,B", "leave these categories out of training"),
            text("photos", &O::photos, "PATH", "unlabelled pictures for synthetic warps: a folder or a .tar file", false),
            real("photo-share", &O::photoShare, 0, 1, "share of a batch that comes from --photos; 1 without --pairs"),
            integer("photo-count", &O::photoCount, 0, 1e7, "use so many of the photos; 0: all"),
            integer("photo-versions", &O::photoVersions, 1, 100, "warped versions of each photo, beside the photo itself"),
            integer("photo-points", &O::photoPoints, 1, 10000, "random points per pair of warped photos"),
            integer("versions", &O::versions, 1, 1000, "versions of each labelled picture, the picture itself included"),
            flag("flips", &O::flips, "half of the versions are mirrored, both pictures of a pair alike"),
            real("zoom-out", &O::zoomOut, 0.1, 1, "smallest scale of a version"),
            real("zoom-in", &O::zoomIn, 1, 10, "largest scale of a version"),
            real("turn", &O::turn, 0, 3.2, "largest rotation of a version, radians"),
            real("colour", &O::colour, 0, 1, "contrast, brightness and saturation of a version are changed by up to this share"),
            text("cache", &O::cache, "DIR", "where features are kept (default: features in --out)", false),
            real("cache-limit", &O::cacheLimit, 0.01, 1e6, "GB that the features may take", false) } },
        { "Backbone", {
            text("backbone", &O::backbone, "ONNX", "default: the built-in EfficientNet-Lite0", false),
            text("outputs", &O::outputs, "A,B", "graph outputs to use, in this order; default: all, by name"),
            integer("longest-side", &O::longestSide, 0, 16384, "pictures are scaled to about so many pixels; 0: not at all"),
            integer("input-width", &O::inputWidth, 0, 16384, "fixed input size instead (vision transformers); 0: none"),
            integer("input-height", &O::inputHeight, 0, 16384, "see --input-width"),
            text("mean", &O::mean, "R,G,B", "subtracted from pixels 0...255; default: that of ImageNet"),
            text("deviation", &O::deviation, "R,G,B", "divides the difference; default: that of ImageNet"),
            integer("fine-tune", &O::fineTune, 0, 1000, "train the last N blocks of convolutions, too; all before stays frozen"),
            real("backbone-rate", &O::backboneRate, 0, 100, "their learning rate relative to --rate") } },
        { "What is trained", {
            choice("method", &O::method, "pmnc|ncnet|ancnet", "what scores matches; ncnet and ancnet see all pairs of cells"),
            choice("adapter", &O::adapter, "none|linear|context", "what is trained on top of the backbone"),
            integer("adapter-blocks", &O::adapterBlocks, 0, 64, "context: residual blocks with a depth-wise 5x5 convolution"),
            integer("adapter-hidden", &O::adapterHidden, 1, 65536, "context: channels inside a block"),
            integer("adapter-channels", &O::adapterChannels, 0, 65536, "channels that come out; 0: as many as go in"),
            choice("adapter-start", &O::adapterStart, "random|identity", "identity stays closer to the backbone's features"),
            real("adapter-rate", &O::adapterRate, 0, 100, "the adapter's learning rate relative to --rate"),
            real("adapter-share", &O::adapterShare, 0, 1, "the adapter written lies between identity (0) and what was learned (1)"),
            real("photo-hold", &O::photoHold, 0, 1e6, "weight of leaving the features of --photos as the identity gives them"),
            real("dropout", &O::dropout, 0, 0.9, "share of the adapter's input channels that is dropped at random"),
            text("net", &O::net, "3-3", "kernel sizes of the net's layers (none: the correlation alone); for ancnet A, B or C"),
            integer("net-channels", &O::netChannels, 1, 1024, "channels between the scoring net's layers"),
            choice("net-start", &O::netStart, "random|identity", "ncnet, ancnet: identity begins with scores near a multiple of the correlation"),
            real("residual", &O::residual, 0, 1000, "the score is the net's plus so many times the correlation (ncnet, ancnet: 0)"),
            flag("self-similarity", &O::selfSimilarity, "second branch (ncnet, ancnet; on for ancnet)") } },
        { "Training", {
            choice("loss", &O::loss, "entropy|weak|ancnet", "cross-entropy of points; NC-Net's of pairs, without points; ANC-Net's"),
            real("orthogonal", &O::orthogonal, 0, 1000, "weight of the orthogonal term of --loss=ancnet"),
            integer("steps", &O::steps, 1, 1e8, "batches"),
            integer("batch", &O::batch, 1, 4096, "pairs per batch"),
            real("rate", &O::rate, 0, 10, "largest learning rate (AdamW, one cycle)"),
            real("decay", &O::decay, 0, 10, "weight decay"),
            real("warm-up", &O::warmUp, 0.001, 0.999, "share of the steps in which the rate grows"),
            real("clip", &O::clip, 1e-6, 1e6, "largest norm of the gradient"),
            real("sigma", &O::sigma, 0.05, 100, "width of the target around an annotation, cells"),
            real("averaging", &O::averaging, 0, 0.99999, "weights are averaged over about 1 / (1 - this) steps; 0: not at all"),
            text("start-from", &O::startFrom, "FILE", "begin with the averaged weights of this checkpoint.pt, of another run with "
                                                      "nets of the same shape", false),
            choice("start-with", &O::startWith, "all|adapter", "what to take of them; adapter: all but the scoring net's, so that it may "
                                                               "be another one"),
            integer("seed", &O::seed, 0, 2147483647, "of all random numbers but those of the versions"),
            choice("precision", &O::precision, "bf16|float", "of the large convolutions"),
            choice("device", &O::device, "auto|cpu|cuda", "where to train; auto: CUDA where there is one", false),
            integer("threads", &O::threads, 0, 1024, "CPU threads; 0: all cores", false) } },
        { "Results", {
            text("out", &O::out, "DIR", "for model.yml, checkpoint.pt, log.csv, curves.png, config.yml and features", false),
            flag("overwrite", &O::overwrite, "replace what an earlier run wrote to --out", false),
            note("note", &O::note, "TEXT", "put into the model's provenance"),
            integer("validate-every", &O::validateEvery, 1, 1e8, "steps between validations; the best model is kept"),
            integer("checkpoint-every", &O::checkpointEvery, 1, 1e8, "steps between checkpoints", false),
            flag("resume", &O::resume, "go on from the checkpoint in --out; with as many threads the result is that of an uninterrupted run",
                 false) } },
    };
    return groups;
}

const Option& find(const std::string& name)
{
    for (const Group& group : table())
        for (const Option& option : group.options)
            if (name == option.name)
                return option;
    CV_Error(cv::Error::StsBadArg, "unknown option --" + printable(name) + ", see --help");
}

typedef std::vector<std::pair<std::string, std::string> > GivenOptions;  // names and values

// The options of a file. They are set once here, so that an error tells their line.
GivenOptions readOptions(const std::string& file)
{
    GivenOptions given;
    Options checked;
    for (const ConfigLine& line : readConfig(file))
    {
        try
        {
            const Option& option = find(line.name);
            if (!*option.value && line.value.empty())  // --flag alone sets it, but a line without a value may mean anything
                refuse(option.name, line.value, "0 or 1");
            option.set(checked, line.value);
        }
        catch (const cv::Exception& e)
        {
            CV_Error(cv::Error::StsBadArg, line.place + ": " + e.err);
        }
        given.push_back(std::make_pair(line.name, line.value));
    }
    return given;
}

// What fits a method where nothing else is given
void setMethodDefaults(Options& o)
{
    if (o.method == "pmnc")
        return;
    o.residual = 0;
    if (o.method == "ancnet")
    {
        o.net = "A";
        o.loss = "ancnet";
        o.sigma = 1;
        o.selfSimilarity = true;
    }
}

void checkTogether(const Options& o)
{
    if (o.out.empty())
        CV_Error(cv::Error::StsBadArg, "--out is empty, expected a folder");
    if (o.pairs.empty() && o.photos.empty())
        CV_Error(cv::Error::StsBadArg, "nothing to train on, expected --pairs or --photos");
    if (!(o.pairs + o.valPairs).empty() && o.root.empty())
        CV_Error(cv::Error::StsBadArg, std::string(o.pairs.empty() ? "--val-pairs" : "--pairs") + " without --root, expected the "
                                       "folder of the pictures");
    if (o.pairs.empty() && !(o.only + o.without).empty())
        CV_Error(cv::Error::StsBadArg, "--only or --without without --pairs: photos have no categories");
    if (!o.only.empty() && !o.without.empty())
        CV_Error(cv::Error::StsBadArg, "--only and --without, expected one of them");
    if ((o.inputWidth == 0) != (o.inputHeight == 0))
        CV_Error(cv::Error::StsBadArg, "expected both --input-width and --input-height or none");
    if (o.net == "none" && o.residual == 0)
        CV_Error(cv::Error::StsBadArg, "--net=none --residual=0: the scores would be 0, expected one of them to be something else");
    if (o.startWith == "adapter" && o.startFrom.empty())
        CV_Error(cv::Error::StsBadArg, "--start-with=adapter without --start-from, expected the checkpoint.pt of another run");
    if (o.startWith == "adapter" && o.adapter == "none" && o.fineTune == 0)
        CV_Error(cv::Error::StsBadArg, "--start-with=adapter --adapter=none: expected an adapter to begin with");
    if (o.method == "pmnc" && o.netStart != "random")
        CV_Error(cv::Error::StsBadArg, "--net-start=" + o.netStart + " with --method=pmnc, whose scores have the correlation in them "
                                       "already (--residual): expected random");
    if (o.method == "pmnc" && (o.loss != "entropy" || o.selfSimilarity))
        CV_Error(cv::Error::StsBadArg, "--method=pmnc scores the pairs at points only, expected --loss=entropy and no "
                                       "--self-similarity");
    if (!o.pairs.empty() && o.dataset == "images" && o.loss != "weak")
        CV_Error(cv::Error::StsBadArg, "--dataset=images has no points, expected --method=ncnet --loss=weak");
    if (o.loss == "weak" && o.batch < 2)
        CV_Error(cv::Error::StsBadArg, "--loss=weak --batch=1: expected at least 2, as other pairs of a batch serve as mismatches");
    if (o.loss == "ancnet" && o.residual != 0)
        CV_Error(cv::Error::StsBadArg, "--loss=ancnet takes no negative scores, expected --residual=0");
    if ((o.adapterShare < 1 || o.photoHold > 0) && (o.adapter == "none" || o.adapterStart != "identity"))
        CV_Error(cv::Error::StsBadArg, cv::format("--adapter-share=%g --photo-hold=%g: expected an adapter with --adapter-start=identity",
                                                  o.adapterShare, o.photoHold));
    if (o.photoHold > 0 && (o.photos.empty() || (!o.pairs.empty() && o.photoShare == 0)))
        CV_Error(cv::Error::StsBadArg, cv::format("--photo-hold=%g without pictures in the batches to hold, expected --photos and a "
                                                  "--photo-share above 0", o.photoHold));
    if (o.adapter == "none" && o.net == "none" && o.fineTune == 0)
        CV_Error(cv::Error::StsBadArg, "--adapter=none --net=none: nothing to train, expected one of them, or --fine-tune");
}

}

Options parseOptions(const std::vector<std::string>& arguments)
{
    Options options;
    GivenOptions given, fromFile;
    for (const std::string& argument : arguments)
    {
        if (argument == "--help" || argument == "-h")
        {
            options.help = true;
            return options;
        }
        if (argument.compare(0, 2, "--") != 0)
            CV_Error(cv::Error::StsBadArg, "\"" + printable(argument) + "\": expected --name=value, see --help");
        const size_t equals = std::min(argument.find('='), argument.size());
        const std::string name = argument.substr(2, equals - 2), value = argument.substr(std::min(equals + 1, argument.size()));
        if (name == "config")
            fromFile = readOptions(value);
        else if (equals == argument.size() && *find(name).value)
            CV_Error(cv::Error::StsBadArg, "--" + name + ": expected --" + name + "=" + find(name).value);
        else
            given.push_back(std::make_pair(name, value));
    }
    given.insert(given.begin(), fromFile.begin(), fromFile.end());
    for (const auto& option : given)
        if (option.first == "method")
            find(option.first).set(options, option.second);
    setMethodDefaults(options);
    for (const auto& option : given)
        find(option.first).set(options, option.second);
    checkTogether(options);
    return options;
}

std::string usage()
{
    std::ostringstream s;
    s << "usage: semcorr_train --root=DIR --pairs=CSV [options]\n"
         "       semcorr_train --photos=DIR [options]\n\n"
         "Trains an adapter of features and a scoring net on pictures with annotated keypoints, on synthetic warps of\n"
         "unlabelled ones, or both, and writes a model file for cv::semcorr::Matcher.\n";
    const Options defaults;
    for (const Group& group : table())
    {
        s << "\n" << group.title << "\n";
        for (const Option& option : group.options)
        {
            const std::string value = option.get(defaults);
            const std::string left = std::string("--") + option.name + (*option.value ? "=" : "") + option.value;
            s << cv::format("  %-36s ", left.c_str()) << option.help;
            if (!value.empty())
                s << " (" << value << ")";
            s << "\n";
        }
    }
    s << "\n  --config=FILE                        options from a file of lines \"name: value\" (YAML); others given go before\n"
         "  --help                               this text\n\n"
         "Several processes share each batch where torchrun starts them, see tutorials/semcorr_train.markdown:\n"
         "  torchrun --no-python --nproc-per-node=2 semcorr_train ...\n";
    return s.str();
}

std::string toYaml(const Options& options)
{
    std::string yaml;
    for (const Group& group : table())
        for (const Option& option : group.options)
            yaml += std::string(option.name) + ": " + quoted(option.get(options)) + "\n";
    return yaml;
}

std::string changedOptions(const Options& options)
{
    const Options defaults;
    std::string text;
    for (const Group& group : table())
        for (const Option& option : group.options)
            if (option.learning && option.get(options) != option.get(defaults))
                text += (text.empty() ? "" : ", ") + std::string(option.name) + " " + option.get(options);
    return text;
}

std::vector<std::string> learningOptions(const Options& options)
{
    std::vector<std::string> lines;
    for (const Group& group : table())
        for (const Option& option : group.options)
            if (option.learning)
                lines.push_back(std::string(option.name) + ": " + option.get(options));
    return lines;
}

std::vector<std::string> splitList(const std::string& text)
{
    std::vector<std::string> parts;
    std::stringstream stream(text);
    for (std::string part; std::getline(stream, part, ',');)
        parts.push_back(part);
    return parts;
}

}
