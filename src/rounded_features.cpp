// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "rounded_features.hpp"
#include <numeric>

namespace cv { namespace semcorr {

RoundedFeatures::RoundedFeatures(const Mat& features, int perWord_)
    : grid(features.size[1], features.size[0]), perWord(perWord_)
{
    const int channels = features.size[2], cells = grid.area();
    const Mat f(cells, channels, CV_32F, const_cast<float*>(features.ptr<float>()));
    const double largest = norm(f, NORM_INF);
    // sums of products are to fit into 32 bits
    const double quanta = std::min(127., std::floor(std::sqrt(INT_MAX / (2. * channels))));
    scale = largest > 0 ? quanta / largest : 1;
    words = Mat::zeros(cells, divUp(channels, perWord), CV_32S);
    const int type = perWord == 4 ? CV_8S : CV_16S;
    const Mat values = Mat(cells, words.cols * perWord, type, words.data).colRange(0, channels);
    Mat lengths(1, cells, CV_64F);
    parallel_for_(Range(0, cells), [&](const Range& range)
    {
        Mat part = values.rowRange(range);
        f.rowRange(range).convertTo(part, type, scale);
        for (int i = range.start; i < range.end; i++)
            lengths.at<double>(i) = norm(f.row(i), NORM_L2);
    }, 2 * getNumThreads());
    longest = norm(lengths, NORM_INF);
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
            result.at<int>(i) = (int)(-128 * std::accumulate(values, values + words.cols * perWord, (int64)0));
        }
    }, 2 * getNumThreads());
    return result;
}

Mat RoundedFeatures::packed(int blocks, int block, const std::function<int(int y, int x)>& placeOf) const
{
    const int zero = perWord == 4 ? (int)0x80808080u : 0;
    Mat result(blocks, words.cols * block, CV_32S, Scalar(zero));
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

}}
