// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// Command line of the evaluation: options, conventions, methods

#ifndef OPENCV_SEMCORR_SAMPLES_EVALUATE_OPTIONS_HPP
#define OPENCV_SEMCORR_SAMPLES_EVALUATE_OPTIONS_HPP

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>
#include "opencv2/core.hpp"
#include "opencv2/core/utility.hpp"
#include "opencv2/semcorr.hpp"

namespace evaluate {

using namespace cv;

static const char* const keys =
    "{help h        |           | this text}"
    "{dataset       | csv       | csv, pfpascal, pfwillow, spair or tss: what lies in --root, as downloaded}"
    "{root          |           | folder of the data set}"
    "{split         |           | trn, val, test (the usual one), small/test, ...; for tss a group, without: all}"
    "{pairs         |           | csv: the list of pairs (columns imageA, imageB, XA1, ..., YA1, ..., XB1, ..., YB1, ...)}"
    "{model         |           | model of Matcher::save (without: the built-in one)}"
    "{backbone      |           | ONNX net to take features from instead of the model's own}"
    "{outputs       |           | of --backbone: names of its outputs (without: all)}"
    "{longest-side  | 400       | of --backbone: pixels of the longer image side, 0: as it is}"
    "{input-size    |           | of --backbone: fixed input WIDTHxHEIGHT, for vision transformers}"
    "{prefix-tokens | 0         | of --backbone: class and register tokens of a vision transformer}"
    "{mode          | auto      | how to search: auto, dense, patchmatch, or nn (nearest neighbours of "
    "the features without a net: those of --model, or of the embedded backbone)}"
    "{methods       |           | several methods one after the other, [MODEL:]MODE,...: nn,a.yml:dense,b.yml:patchmatch}"
    "{convention    |           | how published programs measure: hpf (without), spair, chm, cats, ncnet, ancnet}"
    "{alpha         |0.05,0.1,0.15| thresholds, as shares of the reference length}"
    "{reference     |           | length that thresholds refer to: image, object, keypoints, padded (without: the convention's)}"
    "{per           |           | mean over image or point (without: the convention's)}"
    "{coordinates   |           | original or square pixels (without: the convention's)}"
    "{direction     |           | 1to2 or 2to1 (without: the convention's)}"
    "{cells         |           | centre or corner: which pixels the outermost cells lie on (without: the convention's)}"
    "{limit         | 0         | so many pairs only, evenly spread over the list; 0: all}"
    "{resamples     | 1000      | draws of pairs for the confidence intervals}"
    "{seed          | 0         | of these draws}"
    "{json          |           | write the result to this file; on the way, FILE.part keeps what is done}"
    "{resume        |           | go on where a run with the same options was stopped (needs --json)}"
    "{csv           |           | write the table to this file}"
    "{nuisance      |           | table by viewpoint, scale, truncation and occlusion, too}"
    "{visualize     |           | write contact sheets of the best and the worst pairs to this folder}"
    "{compare       |           | compare with the result in this --json file, pair by pair; A,B: only compare these two}"
    "{cache         |           | keep features of pictures in this folder}"
    "{cache-memory  | 512       | megabytes of features kept in memory}"
    "{check         |           | only list all problems of the data set}";

// Options that decide no figure or are told apart (Method): runs that differ in them alone give the same result.
static const char* const freeOptions[] = { "json", "resume", "csv", "nuisance", "visualize", "compare", "cache", "cache-memory",
                                           "model", "mode", "methods" };
static const char* const flagOptions[] = { "help", "resume", "nuisance", "check" };

template <size_t N>
bool contains(const char* const (&names)[N], const std::string& name)
{
    return std::find(names, names + N, name) != names + N;
}

inline std::vector<std::string> split(const std::string& text, char separator)
{
    std::vector<std::string> parts(1);
    for (size_t i = 0; i < text.size(); i++)
        if (text[i] == separator)
            parts.push_back("");
        else
            parts.back() += text[i];
    return parts;
}

inline std::string joined(const std::vector<std::string>& parts, const std::string& separator)
{
    std::string text;
    for (size_t i = 0; i < parts.size(); i++)
        text += (i ? separator : "") + parts[i];
    return text;
}

// One of some words, as its place in the list
inline int choice(const std::string& option, const std::string& value, const std::vector<std::string>& words)
{
    const size_t place = std::find(words.begin(), words.end(), value) - words.begin();
    if (place == words.size())
        throw std::runtime_error("--" + option + "=" + value + ": expected " + joined(words, ", "));
    return (int)place;
}

inline double number(const std::string& option, const std::string& value, double low, double high, bool whole = true)
{
    char* end;
    const double x = std::strtod(value.c_str(), &end);
    if (value.empty() || *end || !(x >= low && x <= high) || (whole && x != std::floor(x)))
        throw std::runtime_error(format("--%s=%s: expected %s in [%g, %g]", option.c_str(), value.c_str(),
                                        whole ? "a whole number" : "a number", low, high));
    return x;
}

static const std::vector<std::string> modeNames = { "auto", "dense", "patchmatch", "nn" };  // the first three as SearchMode
enum { MODE_NEAREST = semcorr::SEARCH_PATCHMATCH + 1 };
static const std::vector<std::string> referenceNames = { "image", "object", "keypoints", "padded" };  // as PCKReference
static const std::vector<std::string> perNames = { "image", "point" }, coordinatesNames = { "original", "square" },
                                      directionNames = { "1to2", "2to1" }, cellsNames = { "centre", "corner" };

// How PCK is measured
struct Convention
{
    int reference;  // PCKReference
    bool perPoint, square, backwards, cornerCells;

    int flags() const
    {
        return (perPoint ? semcorr::PCK_PER_POINT : 0) | (square ? semcorr::PCK_LEGACY_SQUARE : 0) |
               (backwards ? semcorr::PCK_2_TO_1 : 0);
    }
};

// How published programs measure, read from their code
struct Preset
{
    const char* name;
    int pascal, spair, others;  // PCKReference by data set
    bool square, backwards, cornerCells;
};

static const Preset presets[] = {
    { "hpf", semcorr::REF_IMAGE, semcorr::REF_OBJECT_BOX, semcorr::REF_KEYPOINT_BOX, false, false, false },
    { "spair", semcorr::REF_OBJECT_BOX, semcorr::REF_OBJECT_BOX, semcorr::REF_OBJECT_BOX, false, false, false },
    { "chm", semcorr::REF_IMAGE, semcorr::REF_OBJECT_BOX, semcorr::REF_PADDED_BOX, true, false, false },
    { "cats", semcorr::REF_IMAGE, semcorr::REF_OBJECT_BOX, semcorr::REF_PADDED_BOX, true, true, false },
    { "ncnet", semcorr::REF_IMAGE, semcorr::REF_IMAGE, semcorr::REF_IMAGE, true, true, true },
    { "ancnet", semcorr::REF_IMAGE, semcorr::REF_IMAGE, semcorr::REF_IMAGE, true, true, true },
};
static const Preset flowPreset = { "tss", semcorr::REF_IMAGE, semcorr::REF_IMAGE, semcorr::REF_IMAGE, false, false, false };

// One matcher: a model and a way to search
struct Method
{
    std::string model;  // file; empty: the built-in one
    int mode;           // SearchMode or MODE_NEAREST
    std::string name;
};

struct Options
{
    bool help, check, resume, nuisance;
    std::string dataset, root, split, conventionName;
    Convention convention;
    std::vector<double> alphas;
    std::vector<Method> methods;
    std::string backbone;
    std::vector<std::string> outputs;  // of the backbone, as the next three
    int longestSide, prefixTokens;
    Size inputSize;
    int limit, resamples, seed;
    std::string json, csv, visualize, cache;
    std::vector<std::string> compare;
    size_t cacheMemory;   // bytes
    std::string command;  // the options that decide the figures, without those of the method
};

inline void checkArguments(int argc, const char* const* argv)
{
    for (int i = 1; i < argc; i++)
    {
        const std::string arg = argv[i], key = arg.substr(0, arg.find('=')), name = key.substr(std::min(key.size(), (size_t)2));
        if (arg == "-h")
            continue;
        if (key.compare(0, 2, "--") != 0 || std::string(keys).find("{" + name + " ") == std::string::npos)
            throw std::runtime_error("unknown option " + arg + "; see --help");
        const bool isFlag = contains(flagOptions, name);
        if (isFlag && arg != key)
            throw std::runtime_error(key + " takes no value");
        if (!isFlag && arg.size() <= key.size() + 1)
            throw std::runtime_error(key + " needs a value: " + key + "=...");
    }
}

inline Convention parseConvention(const CommandLineParser& parser, const std::string& dataset, std::string& name)
{
    std::vector<std::string> names;
    for (const Preset& p : presets)
        names.push_back(p.name);
    name = parser.has("convention") ? parser.get<String>("convention") : names[0];
    const Preset& preset = dataset == "tss" ? flowPreset : presets[choice("convention", name, names)];
    name = preset.name;
    Convention c = { dataset == "pfpascal" ? preset.pascal : dataset == "spair" ? preset.spair : preset.others, false,
                     preset.square, preset.backwards, preset.cornerCells };
    if (parser.has("reference"))
        c.reference = choice("reference", parser.get<String>("reference"), referenceNames);
    if (parser.has("per"))
        c.perPoint = choice("per", parser.get<String>("per"), perNames) == 1;
    if (parser.has("coordinates"))
        c.square = choice("coordinates", parser.get<String>("coordinates"), coordinatesNames) == 1;
    if (parser.has("direction"))
        c.backwards = choice("direction", parser.get<String>("direction"), directionNames) == 1;
    if (parser.has("cells"))
        c.cornerCells = choice("cells", parser.get<String>("cells"), cellsNames) == 1;
    return c;
}

inline std::string stem(const std::string& path)
{
    const std::string name = path.substr(path.find_last_of("/\\") + 1);
    return name.substr(0, name.find('.'));
}

// [MODEL:]MODE or MODEL, each with what --model and --mode say where it says nothing
inline std::vector<Method> parseMethods(const CommandLineParser& parser)
{
    const std::string model = parser.get<String>("model");
    const int mode = choice("mode", parser.get<String>("mode"), modeNames);
    std::vector<Method> methods;
    const std::vector<std::string> items = split(parser.get<String>("methods"), ',');
    for (const std::string& item : items)
    {
        const size_t colon = item.rfind(':') + 1;  // 0: none
        const size_t named = std::find(modeNames.begin(), modeNames.end(), item.substr(colon)) - modeNames.begin();
        Method m = { item, mode, "" };
        if (named < modeNames.size())
        {
            m.mode = (int)named;
            m.model = item.substr(0, colon ? colon - 1 : 0);
        }
        if (m.model.empty())
            m.model = model;
        if (item.empty() && items.size() > 1)
            throw std::runtime_error("--methods=" + parser.get<String>("methods") + ": expected [MODEL:]MODE,[MODEL:]MODE,...");
        m.name = (m.model.empty() ? std::string("builtin") : stem(m.model)) + "-" + modeNames[m.mode];
        const std::string plain = m.name;
        for (int same = 2; std::any_of(methods.begin(), methods.end(), [&](const Method& o) { return o.name == m.name; }); same++)
            m.name = format("%s-%d", plain.c_str(), same);
        methods.push_back(m);
    }
    return methods;
}

inline Size parseSize(const std::string& value)
{
    const std::vector<std::string> sides = split(value, 'x');
    if (sides.size() != 2)
        throw std::runtime_error("--input-size=" + value + ": expected WIDTHxHEIGHT");
    return Size((int)number("input-size", sides[0], 1, 16384), (int)number("input-size", sides[1], 1, 16384));
}

inline void checkTogether(const Options& o, const CommandLineParser& parser)
{
    if (o.compare.size() == 2)
        return;  // no data set is read
    if (o.root.empty())
        throw std::runtime_error("--root is missing, expected the folder of the data set; see --help");
    if ((o.dataset == "csv") != parser.has("pairs"))
        throw std::runtime_error(o.dataset == "csv" ? "--pairs is missing, expected the list of pairs; see --help"
                                                    : "--pairs is for --dataset=csv, expected --split");
    if (o.dataset == "csv" && parser.has("split"))
        throw std::runtime_error("--split is for other data sets than csv, expected only --pairs");
    for (const char* name : { "convention", "reference", "coordinates", "direction", "cells" })
        if (o.dataset == "tss" && parser.has(name))
            throw std::runtime_error(format("--%s is for keypoints, expected no such option with --dataset=tss", name));
    if (o.resume && o.json.empty())
        throw std::runtime_error("--resume needs --json, the result of the run to go on with");
    for (const char* name : { "outputs", "input-size" })
        if (parser.has(name) && o.backbone.empty())
            throw std::runtime_error(format("--%s needs --backbone", name));
}

// The options that were given and decide the figures, in the order of the list above
inline std::string commandOf(int argc, const char* const* argv)
{
    std::string command = "evaluate";
    const std::vector<std::string> all = split(keys, '{');
    for (size_t k = 1; k < all.size(); k++)
    {
        const std::string name = all[k].substr(0, all[k].find(' ')), prefix = "--" + name + "=";
        std::string value;
        for (int i = 1; i < argc; i++)
            if (std::string(argv[i]).compare(0, prefix.size(), prefix) == 0)
                value = argv[i];  // the last one counts
        if (!value.empty() && !contains(freeOptions, name))
            command += " " + value;
    }
    return command;
}

inline Options parseOptions(int argc, const char* const* argv)
{
    checkArguments(argc, argv);
    CommandLineParser parser(argc, argv, keys);
    parser.about("Measures the percentage of correct keypoints (PCK) of semantic correspondence on a data set.\n");
    Options o;
    o.help = parser.has("help");
    if (o.help)
    {
        parser.printMessage();
        return o;
    }
    o.check = parser.has("check");
    o.resume = parser.has("resume");
    o.nuisance = parser.has("nuisance");
    o.dataset = parser.get<String>("dataset");
    choice("dataset", o.dataset, { "csv", "pfpascal", "pfwillow", "spair", "tss" });
    o.root = parser.get<String>("root");
    o.split = o.dataset == "csv" ? parser.get<String>("pairs") : parser.get<String>("split");
    if (o.split.empty() && o.dataset != "tss")
        o.split = "test";
    o.convention = parseConvention(parser, o.dataset, o.conventionName);
    for (const std::string& alpha : split(parser.get<String>("alpha"), ','))
        o.alphas.push_back(number("alpha", alpha, 1e-6, 100, false));
    o.methods = parseMethods(parser);
    o.backbone = parser.get<String>("backbone");
    if (parser.has("outputs"))
        o.outputs = split(parser.get<String>("outputs"), ',');
    o.longestSide = (int)number("longest-side", parser.get<String>("longest-side"), 0, 16384);
    o.prefixTokens = (int)number("prefix-tokens", parser.get<String>("prefix-tokens"), 0, 1024);
    if (parser.has("input-size"))
        o.inputSize = parseSize(parser.get<String>("input-size"));
    o.limit = (int)number("limit", parser.get<String>("limit"), 0, INT_MAX);
    o.resamples = (int)number("resamples", parser.get<String>("resamples"), 10, 1000000);
    o.seed = (int)number("seed", parser.get<String>("seed"), 0, INT_MAX);
    o.json = parser.get<String>("json");
    o.csv = parser.get<String>("csv");
    o.visualize = parser.get<String>("visualize");
    o.cache = parser.get<String>("cache");
    if (parser.has("compare"))
        o.compare = split(parser.get<String>("compare"), ',');
    if (o.compare.size() > 2)
        throw std::runtime_error("--compare=" + parser.get<String>("compare") + ": expected one file or two");
    o.cacheMemory = (size_t)number("cache-memory", parser.get<String>("cache-memory"), 0, 1 << 20) << 20;
    o.command = commandOf(argc, argv);
    checkTogether(o, parser);
    return o;
}

// FILE.json of a method: FILE.NAME.json where there are several
inline std::string jsonOf(const Options& options, const Method& method)
{
    if (options.methods.size() == 1 || options.json.empty())
        return options.json;
    const size_t slash = options.json.find_last_of("/\\") + 1, dot = options.json.rfind('.');
    const size_t place = dot == std::string::npos || dot < slash ? options.json.size() : dot;
    return options.json.substr(0, place) + "." + method.name + options.json.substr(place);
}

}

#endif
