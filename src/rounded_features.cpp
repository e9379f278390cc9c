// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "rounded_features.hpp"
#include <numeric>

namespace cv { namespace semcorr {

RoundedFeatures::RoundedFeatures(const Mat& features, int perWord_)
    : grid(features.size[1], features.size[0]), perWord(perWord_), longest(0)
{
    const int channels = features.size[2], cells = grid.area();
    const Mat f(cells, channels, CV_32F, const_cast<float*>(features.ptr<float>()));
    const int parts = 2 * getNumThreads();
    double largest = 0;
    Mutex mutex;
    parallel_for_(Range(0, cells), [&](const Range& range)
    {
        const double largestHere = norm(f.rowRange(range), NORM_INF);
        double longestHere = 0;
        for (int i = range.start; i < range.end; i++)
            longestHere = std::max(longestHere, normL2Sqr<float, double>(f.ptr<float>(i), channels));
        AutoLock lock(mutex);
        largest = std::max(largest, largestHere);
        longest = std::max(longest, std::sqrt(longestHere));
    }, parts);
    // sums of products are to fit into 32 bits
    const double quanta = std::min(127., std::floor(std::sqrt(INT_MAX / (2. * channels))));
    scale = largest > 0 ? quanta / largest : 1;
    words = Mat::zeros(cells, divUp(channels, perWord), CV_32S);
    const int type = perWord == 4 ? CV_8S : CV_16S;
    const Mat values = Mat(cells, words.cols * perWord, type, words.data).colRange(0, channels);
    parallel_for_(Range(0, cells), [&](const Range& range)
    {
        Mat part = values.rowRange(range);
        f.rowRange(range).convertTo(part, type, scale);
    }, parts);
}

Mat RoundedFeatures::bias() const
{
    Mat result = Mat::zeros(1, words.rows, CV_32S);
    if (perWord != 4)
        return result;
    parallel_for_(Range(0, words.rows), [&](const Range& range)
    {
        for (int i = range.start; i < range.end; i++)
        {
            const schar* values = words.ptr<schar>(i);
            result.at<int>(i) = (int)(-128 * (int64)std::accumulate(values, values + words.cols * perWord, 0));
        }
    }, 2 * getNumThreads());
    return result;
}

Mat RoundedFeatures::packed(int blocks, int block, const std::function<int(int y, int x)>& placeOf) const
{
    const int zero = perWord == 4 ? (int)0x80808080u : 0;
    Mat result(blocks, words.cols * block, CV_32S);
    parallel_for_(Range(0, blocks), [&](const Range& range) { result.rowRange(range) = zero; }, 2 * getNumThreads());
    parallel_for_(Range(0, grid.height), [&](const Range& range)
    {
        for (int y = range.start; y < range.end; y++)
            for (int x = 0; x < grid.width; x++)
            {
                const int place = placeOf(y, x);
                const int* src = words.ptr<int>(y * grid.width + x);
                int* dst = result.ptr<int>(place / block) + place % block;
                for (int w = 0; w < words.cols; w++)
                    dst[w * block] = src[w] ^ zero;
            }
    });
    return result;
}

RoundedPair::RoundedPair(const Mat& f1, const Mat& f2, int perWord) : first(f1, perWord), second(f2, perWord), bias1(first.bias())
{
}

size_t RoundedPair::bytes(const Size& grid1, const Size& grid2, int channels, int perWord)
{
    return ((size_t)(grid1.area() + grid2.area()) * divUp(channels, perWord) + grid1.area()) * sizeof(int);
}

}}
