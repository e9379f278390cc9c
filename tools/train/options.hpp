// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_OPTIONS_HPP
#define SEMCORR_TRAIN_OPTIONS_HPP

#include <string>
#include <vector>

namespace train {

// Everything that a run is told. The table in options.cpp names each one, says what it means and which values it takes.
struct Options
{
    // data
    std::string dataset = "csv", root, pairs, valPairs, only, without, photos;
    double photoShare = 0.5;
    int photoCount = 0, photoVersions = 2, photoPoints = 10, versions = 10;
    double zoomOut = 0.75, zoomIn = 1.5, turn = 0.25, colour = 0.3;
    bool flips = true;
    std::string cache;
    double cacheLimit = 8;

    // backbone
    std::string backbone, outputs, mean, deviation;
    int longestSide = 400, inputWidth = 0, inputHeight = 0;

    int fineTune = 0;
    double backboneRate = 0.1;

    // what is trained; the method's defaults are in options.cpp
    std::string method = "pmnc", loss = "entropy";
    double orthogonal = 0.1;
    bool selfSimilarity = false;
    std::string adapter = "context";
    int adapterBlocks = 2, adapterHidden = 448, adapterChannels = 0;
    std::string adapterStart = "random";
    double adapterRate = 1, adapterShare = 1, photoHold = 0, dropout = 0.1;
    std::string net = "3-3";
    int netChannels = 16;
    std::string netStart = "random";
    double residual = 10;

    // how
    int steps = 600, batch = 6;
    double rate = 3e-3, decay = 0.01, warmUp = 0.2, clip = 5, sigma = 0.7, averaging = 0.99;
    int seed = 1, threads = 0;
    std::string startFrom, startWith = "all";
    std::string precision = "bf16", device = "auto";

    // what comes out
    std::string out = "train_out", note;
    int validateEvery = 100, checkpointEvery = 50;
    bool resume = false, overwrite = false, help = false;
};

// Command-line arguments, those in the YAML file of --config before all others. Throws cv::Exception for an unknown name or a
// value out of range. Defaults of some depend on the method.
Options parseOptions(const std::vector<std::string>& arguments);

// Text of --help
std::string usage();

// "name: value" of all options, a line each: a file for --config
std::string toYaml(const Options& options);

// Of these lines, those of options that change what is learned: a run can be resumed with the same ones only.
std::vector<std::string> learningOptions(const Options& options);

// Of those, what differs from the defaults, as text
std::string changedOptions(const Options& options);

// The parts of "a,b,c"; empty for an empty text
std::vector<std::string> splitList(const std::string& text);

}

#endif
