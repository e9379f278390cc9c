// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "checks.hpp"
#include "self_similarity.hpp"

namespace cv { namespace semcorr {

SelfSimilarity::SelfSimilarity(InputArrayOfArrays weights_, InputArrayOfArrays biases_, int window_)
    : window(window_), weights(getFloatMats(weights_, "weights")), biases(getFloatMats(biases_, "biases"))
{
    checkRange(window, 1, 31, "window");
    if (window % 2 == 0)
        CV_Error(Error::StsOutOfRange, format("window is %d, expected an odd number", window));
    if (weights.size() != biases.size())
        CV_Error(Error::StsUnmatchedSizes, format("biases has %d entries for %d layers, expected as many", (int)biases.size(),
                                                  (int)weights.size()));
    int in = window * window;
    for (size_t i = 0; i < weights.size(); i++)
    {
        const Mat& w = weights[i];
        if (w.dims != 4 || w.size[2] % 2 == 0 || w.size[3] % 2 == 0)
            CV_Error(Error::StsBadSize, format("weights[%d] is %s, expected out x in x kh x kw with odd kernel sizes", (int)i,
                                               shapeOf(w).c_str()));
        if (w.size[1] != in)
            CV_Error(Error::StsUnmatchedSizes, format("weights[%d] takes %d channels, expected %d", (int)i, w.size[1], in));
        if (biases[i].total() * biases[i].channels() != (size_t)w.size[0])
            CV_Error(Error::StsUnmatchedSizes, format("biases[%d] is %s, expected %d values", (int)i, shapeOf(biases[i]).c_str(),
                                                      w.size[0]));
        in = w.size[0];
    }
}

int SelfSimilarity::channels() const
{
    int n = window * window;
    for (size_t i = 0; i < weights.size(); i++)
        n += weights[i].size[0];
    return n;
}

// dst(y, x, ·) = ⟨f(y, x), f(y + dy, x + dx)⟩, column by column of the window as in the published code, zero outside
static void windowProducts(const Mat& f, int window, Mat& dst)
{
    const int h = f.size[0], w = f.size[1], C = f.size[2], r = window / 2;
    parallel_for_(Range(0, h * w), [&](const Range& range)
    {
        for (int i = range.start; i < range.end; i++)
        {
            const int y = i / w, x = i % w;
            const float* centre = f.ptr<float>(y, x);
            float* out = dst.ptr<float>(y, x);
            for (int dx = -r; dx <= r; dx++)
                for (int dy = -r; dy <= r; dy++, out++)
                {
                    *out = 0;
                    if ((unsigned)(y + dy) >= (unsigned)h || (unsigned)(x + dx) >= (unsigned)w)
                        continue;
                    const float* other = f.ptr<float>(y + dy, x + dx);
                    float sum = 0;
                    for (int c = 0; c < C; c++)
                        sum += centre[c] * other[c];
                    *out = sum;
                }
        }
    });
}

// A zero-padded 2D convolution with ReLU, from channels [from, from + in) of `maps` to those that follow them.
static void convolve(Mat& maps, int from, const Mat& weights, const Mat& bias)
{
    const int h = maps.size[0], w = maps.size[1], out = weights.size[0], in = weights.size[1], kh = weights.size[2],
              kw = weights.size[3];
    parallel_for_(Range(0, h * w), [&](const Range& range)
    {
        for (int i = range.start; i < range.end; i++)
        {
            const int y = i / w, x = i % w;
            float* result = maps.ptr<float>(y, x) + from + in;
            for (int o = 0; o < out; o++)
            {
                float sum = bias.ptr<float>()[o];
                const float* kernel = weights.ptr<float>(o);
                for (int c = 0; c < in; c++)
                    for (int dy = 0; dy < kh; dy++)
                        for (int dx = 0; dx < kw; dx++, kernel++)
                        {
                            const int v = y + dy - kh / 2, u = x + dx - kw / 2;
                            if ((unsigned)v < (unsigned)h && (unsigned)u < (unsigned)w)
                                sum += *kernel * maps.ptr<float>(v, u)[from + c];
                        }
                result[o] = std::max(sum, 0.f);
            }
        }
    });
}

Mat SelfSimilarity::compute(const Mat& f) const
{
    const int shape[] = { f.size[0], f.size[1], channels() };
    Mat maps(3, shape, CV_32F);
    windowProducts(f, window, maps);
    int from = 0;
    for (size_t i = 0; i < weights.size(); i++)
    {
        convolve(maps, from, weights[i], biases[i]);
        from += weights[i].size[1];
    }
    return maps;
}

void selfSimilarity(InputArray features, InputArrayOfArrays weights, InputArrayOfArrays biases, OutputArray dst, int window)
{
    CV_INSTRUMENT_REGION();
    const Mat f = getFeatures(features, "features");
    SelfSimilarity(weights, biases, window).compute(f).copyTo(dst);
}

}}
