// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "checkpoint.hpp"

#include <map>
#include <sstream>

#include "file_io.hpp"
#include "opencv2/semcorr/evaluation.hpp"
#include "utf8.hpp"

using cv::semcorr::printable;
using torch::Tensor;

namespace train {

enum { VERSION = 2, HASH_DIGITS = 64 };
static const size_t MAX_FILE = (size_t)1 << 33;  // bytes

static Tensor textTensor(const std::string& text)
{
    return torch::from_blob(const_cast<char*>(text.data()), { (int64_t)text.size() }, torch::kUInt8).clone();
}

static std::string tensorText(const Tensor& tensor)
{
    const Tensor t = tensor.contiguous();
    return std::string(static_cast<const char*>(t.data_ptr()), t.nbytes());
}

static Tensor numbers(const std::vector<double>& values)
{
    return torch::tensor(values, torch::kDouble);
}

static std::vector<double> toNumbers(const Tensor& tensor)
{
    const Tensor t = tensor.to(torch::kDouble).contiguous();
    return std::vector<double>(t.data_ptr<double>(), t.data_ptr<double>() + t.numel());
}

static std::string joinLines(const std::vector<std::string>& lines)
{
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    return text;
}

// Name and shape of each tensor, a line each
static std::string describeNets(const Model& model)
{
    std::string text;
    const auto add = [&](const torch::OrderedDict<std::string, Tensor>& tensors)
    {
        for (const auto& named : tensors)
        {
            text += named.key() + ":";
            for (const int64_t size : named.value().sizes())
                text += " " + std::to_string(size);
            text += "\n";
        }
    };
    add(model->named_parameters());
    add(model->named_buffers());
    return text;
}

static void writeHistory(torch::serialize::OutputArchive& archive, const History& history)
{
    std::vector<double> validated(history.validated.begin(), history.validated.end()), pck;
    for (const std::vector<double>& row : history.pck)
        pck.insert(pck.end(), row.begin(), row.end());
    archive.write("losses", numbers(history.losses));
    archive.write("validated", numbers(validated));
    archive.write("pck", numbers(pck));
    archive.write("best", numbers({ history.best, (double)history.bestStep, history.seconds }));
    archive.write("kept", textTensor(history.modelSha256));
}

static Tensor readTensor(torch::serialize::InputArchive& archive, const char* name)
{
    Tensor t;
    archive.read(name, t);
    return t;
}

static History readHistory(torch::serialize::InputArchive& archive)
{
    History history;
    history.losses = toNumbers(readTensor(archive, "losses"));
    for (const double step : toNumbers(readTensor(archive, "validated")))
        history.validated.push_back((int)step);
    const std::vector<double> pck = toNumbers(readTensor(archive, "pck")), best = toNumbers(readTensor(archive, "best"));
    const size_t columns = history.validated.empty() ? 0 : pck.size() / history.validated.size();
    for (size_t i = 0; i < history.validated.size(); i++)
        history.pck.push_back(std::vector<double>(pck.begin() + i * columns, pck.begin() + (i + 1) * columns));
    history.best = best.at(0);
    history.bestStep = (int)best.at(1);
    history.seconds = best.at(2);
    Tensor kept;
    if (archive.try_read("kept", kept))  // not in files of earlier programs
        history.modelSha256 = tensorText(kept);
    return history;
}

void saveCheckpoint(const std::string& file, const TrainingState& state, const std::vector<std::string>& identity,
                    const std::string& provenance)
{
    torch::serialize::OutputArchive archive, model, averaged, optimizer;
    archive.write("version", torch::tensor((int64_t)VERSION));
    archive.write("identity", textTensor(joinLines(identity)));
    archive.write("nets", textTensor(describeNets(state.model)));
    archive.write("provenance", textTensor(provenance));
    archive.write("step", torch::tensor((int64_t)state.step));
    state.model->save(model);
    state.averaged->save(averaged);
    state.optimizer->save(optimizer);
    archive.write("model", model);
    archive.write("averaged", averaged);
    archive.write("optimizer", optimizer);
    writeHistory(archive, state.history);
    std::ostringstream stream;
    archive.save_to(stream);
    const std::string content = stream.str();
    // the checksum at the end, since not every damage to an archive is noticed by its reader
    cv::semcorr::saveBytes(file, content + cv::semcorr::sha256(content.data(), content.size()));
}

// Lines "name: value" by name
static std::map<std::string, std::string> linesByName(const std::string& text)
{
    std::istringstream stream(text);
    std::map<std::string, std::string> lines;
    for (std::string line; std::getline(stream, line);)
        lines[line.substr(0, line.find(':'))] = line;
    return lines;
}

// Lines of both that the other lacks, as text; the first ones, where they are many
static std::string difference(const std::map<std::string, std::string>& linesThere,
                              const std::map<std::string, std::string>& linesNow)
{
    static const int MOST = 8;
    std::map<std::string, std::string> all = linesThere;
    all.insert(linesNow.begin(), linesNow.end());
    std::string result;
    int count = 0;
    for (const auto& named : all)
    {
        const auto a = linesThere.find(named.first), b = linesNow.find(named.first);
        const bool isThere = a != linesThere.end(), isNow = b != linesNow.end();
        if ((isThere && isNow && a->second == b->second) || ++count > MOST)
            continue;
        result += "\n  " + (isThere ? "\"" + printable(a->second) + "\"" : "nothing") + " there, " +
                  (isNow ? "\"" + printable(b->second) + "\"" : "nothing") + " now";
    }
    return result + (count > MOST ? cv::format("\n  and %d more", count - MOST) : "");
}

static std::string nameOf(const std::string& file)
{
    return "checkpoint \"" + printable(file) + "\"";
}

// The archive of a file's bytes, of the version that is written here
static torch::serialize::InputArchive openArchive(const std::string& file, const std::vector<uchar>& bytes)
{
    const size_t size = bytes.size() - std::min(bytes.size(), (size_t)HASH_DIGITS);
    if (cv::semcorr::sha256(bytes.data(), size) != std::string(bytes.begin() + size, bytes.end()))
        CV_Error(cv::Error::StsParseError, nameOf(file) + " is damaged or is none: its checksum is wrong");
    std::istringstream stream(std::string(bytes.begin(), bytes.begin() + size));
    torch::serialize::InputArchive archive;
    archive.load_from(stream, torch::kCPU);  // its own device may be missing here
    const int64_t version = readTensor(archive, "version").item<int64_t>();
    if (version != VERSION)
        CV_Error(cv::Error::StsParseError, cv::format("%s is of version %d, expected %d", nameOf(file).c_str(), (int)version,
                                                      (int)VERSION));
    return archive;
}

static std::string readText(torch::serialize::InputArchive& archive, const char* name)
{
    return tensorText(readTensor(archive, name));
}

// use(archive, bytes of the file); throws for what cannot be read
template<typename Use> static void readArchive(const std::string& file, const Use& use)
{
    const std::vector<uchar> bytes = cv::semcorr::loadBytes(file, MAX_FILE);
    try
    {
        torch::serialize::InputArchive archive = openArchive(file, bytes);
        use(archive, bytes);
    }
    catch (const c10::Error& e)
    {
        CV_Error(cv::Error::StsParseError, nameOf(file) + " cannot be read: " + printable(e.what_without_backtrace()));
    }
}

static void checkNets(const std::string& file, const std::string& there, const std::string& now)
{
    const std::string differences = difference(linesByName(there), linesByName(now));
    if (!differences.empty())
        CV_Error(cv::Error::StsUnmatchedSizes, nameOf(file) + " is of another net, expected tensors of the same shapes:" + differences);
}

// An option that the program which wrote the file did not know had its default. Lines of the file with other names than those of
// `identity` count only where it is complete.
static void checkIdentity(const std::string& file, const std::string& text, const std::vector<std::string>& identity, bool complete)
{
    std::map<std::string, std::string> there = linesByName(text);
    const std::map<std::string, std::string> defaults = linesByName(joinLines(learningOptions(Options())));
    there.insert(defaults.begin(), defaults.end());
    const std::map<std::string, std::string> now = linesByName(joinLines(identity));
    for (auto line = there.begin(); line != there.end() && !complete;)
        line = now.count(line->first) ? std::next(line) : there.erase(line);
    const std::string differences = difference(there, now);
    if (!differences.empty())
        CV_Error(cv::Error::StsBadArg, nameOf(file) + " is of another training, expected the same options and data:" + differences);
}

void checkCheckpoint(const std::string& file, const std::vector<std::string>& identity)
{
    readArchive(file, [&](torch::serialize::InputArchive& archive, const std::vector<uchar>&)
    {
        checkIdentity(file, readText(archive, "identity"), identity, false);
    });
}

// Tensors are read to where the file has them
static void moveMoments(torch::optim::AdamW& optimizer, const torch::Device& device)
{
    for (auto& parameter : optimizer.state())
    {
        auto& moments = static_cast<torch::optim::AdamWParamState&>(*parameter.second);
        moments.exp_avg(moments.exp_avg().to(device));
        moments.exp_avg_sq(moments.exp_avg_sq().to(device));
    }
}

void loadCheckpoint(const std::string& file, TrainingState& state, const std::vector<std::string>& identity)
{
    const torch::Device device = state.model->parameters().at(0).device();
    readArchive(file, [&](torch::serialize::InputArchive& archive, const std::vector<uchar>&)
    {
        torch::serialize::InputArchive model, averaged, optimizer;
        checkIdentity(file, readText(archive, "identity"), identity, true);
        checkNets(file, readText(archive, "nets"), describeNets(state.model));
        archive.read("model", model);
        archive.read("averaged", averaged);
        archive.read("optimizer", optimizer);
        state.model->load(model);
        state.averaged->load(averaged);
        state.optimizer->load(optimizer);
        state.model->to(device);
        state.averaged->to(device);
        moveMoments(*state.optimizer, device);
        state.step = (int)readTensor(archive, "step").item<int64_t>();
        state.history = readHistory(archive);
    });
}

static bool hasLine(const std::string& text, const std::string& line)
{
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

// Without the lines of a part of the model
static std::string withoutPart(const std::string& nets, const std::string& part)
{
    std::istringstream stream(nets);
    std::string text;
    for (std::string line; std::getline(stream, line);)
        text += line.compare(0, part.size() + 1, part + ".") == 0 ? "" : line + "\n";
    return text;
}

Start loadStart(const std::string& file, Model& model, const std::string& identityLine, bool withMethod)
{
    Start start;
    readArchive(file, [&](torch::serialize::InputArchive& archive, const std::vector<uchar>& bytes)
    {
        torch::serialize::InputArchive averaged;
        if (!hasLine(readText(archive, "identity"), identityLine))
            CV_Error(cv::Error::StsBadArg, nameOf(file) + " was trained on another backbone, expected the same --backbone, --outputs, "
                                                          "--mean and --deviation");
        std::string there = readText(archive, "nets"), now = describeNets(model);
        if (there == withoutPart(there, "blocks"))
            now = withoutPart(now, "blocks");
        if (!withMethod)
        {
            there = withoutPart(there, "method");
            now = withoutPart(now, "method");
        }
        checkNets(file, there, now);
        archive.read("averaged", averaged);
        for (const auto& child : model->named_children())
        {
            torch::serialize::InputArchive part;
            if ((withMethod || child.key() != "method") && averaged.try_read(child.key(), part))
                child.value()->load(part);
        }
        start = Start{ cv::semcorr::sha256(bytes.data(), bytes.size()), readText(archive, "provenance") };
    });
    return start;
}

}
