// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_FEATURE_CACHE_HPP
#define SEMCORR_TRAIN_FEATURE_CACHE_HPP

#include <functional>
#include <string>
#include <vector>

#include "opencv2/core.hpp"
#include "backbone.hpp"
#include "versions.hpp"

namespace train {

// What Backbone::computeOnce gives for the versions of one picture. It stays on disk, where the operating system keeps what is
// used often in memory.
class StoredFeatures
{
public:
    int count() const { return (int)versions.size(); }
    const Warp& warp(int version) const { return versions[version].warp; }
    cv::Size grid(int version) const { return versions[version].grid; }  // of the features, cells
    int channels() const { return depth; }                               // likewise

    // Height × width × channels, CV_32F of half precision. Throws where the file has gone.
    cv::Mat read(int version) const;

private:
    friend class FeatureCache;
    struct Place
    {
        Warp warp;
        cv::Size size, grid;  // of what is stored, of the features
        size_t offset;        // bytes, in the file
    };

    std::string file;
    std::vector<Place> versions;
    int depth = 0, storedDepth = 0;  // channels of the features, of what is stored
};

// Computes features, or activations, once and keeps them in a folder, a file for each picture, half precision. Files are written
// completely or not at all, so that a killed run goes on where it stopped; damaged ones are made again. Where the folder grows
// beyond its limit, the files that have not been used for longest go, but never those of this run.
class FeatureCache
{
public:
    // limit: bytes
    FeatureCache(const std::string& folder, double limit, const Backbone& backbone);

    typedef std::function<cv::Mat()> Decode;
    typedef std::function<Version(const cv::Mat& picture, int number)> Make;

    // Features of versions 0...count-1, which make() gives of the picture; that is decoded only if they are not there yet. recipe:
    // everything that they depend on besides the net and how it is used. name: of the picture, for errors.
    StoredFeatures get(const std::string& recipe, int count, const std::string& name, const Decode& decode, const Make& make);

    // For one of several processes that fill the folder together: until the next call, get() looks after each count-th picture
    // that it is asked for, beginning with `rank`, and gives empty features for the others. (0, 1): after all.
    void setShare(int rank, int count);

    // Tells nets and their parameters apart by the features that they give of one picture, which sizes of others may not change
    const std::string& netFingerprint() const { return fingerprint; }

private:
    bool load(StoredFeatures& stored, int count) const;
    std::string compute(const std::string& name, const cv::Mat& picture, int count, const Make& make) const;
    std::string contentOf(const cv::Mat& picture, int count, const Make& make) const;
    void makeRoom(double bytes);
    void measure();

    const std::string folder;
    const double limit;
    const int64_t started;  // seconds
    double total;           // bytes in the folder
    int shareRank, shareCount, asked;
    const Backbone& backbone;
    const std::string fingerprint;
};

}

#endif
