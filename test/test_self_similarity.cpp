// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"

namespace opencv_test { namespace {

using namespace semcorr;

static std::vector<Mat> pair(const Mat& a, const Mat& b)
{
    std::vector<Mat> list(1, a);
    list.push_back(b);
    return list;
}

TEST(Semcorr_SelfSimilarity, published_values)
{
    const Golden golden("anc_selfsim");
    const int shape[] = { 9, 7, 25 }, shapeOut[] = { 9, 7, 121 };
    Mat features, dst;
    normalizeFeatures(golden["feature"], features);
    selfSimilarity(features, std::vector<Mat>(), std::vector<Mat>(), dst);
    EXPECT_TRUE(closeTo(dst, golden["selfsim"].reshape(1, 3, shape)));
    selfSimilarity(features, pair(golden["w0"], golden["w1"]), pair(golden["b0"], golden["b1"]), dst);
    EXPECT_TRUE(closeTo(dst, golden["out"].reshape(1, 3, shapeOut)));
}

// Value at a position, zero outside the grid
static double valueAt(const Mat& maps, int y, int x, int channel)
{
    return (unsigned)y < (unsigned)maps.size[0] && (unsigned)x < (unsigned)maps.size[1] ? maps.at<float>(y, x, channel) : 0.;
}

TEST(Semcorr_SelfSimilarity, is_the_definition)
{
    RNG& rng = theRNG();
    for (int i = 0; i < 15; i++)
    {
        const int h = randomSide(8), w = randomSide(8), channels = randomSide(20), window = 2 * rng.uniform(0, 4) + 1;
        const int n = window * window, out = randomSide(6), kh = 2 * rng.uniform(0, 3) + 1, kw = 2 * rng.uniform(0, 3) + 1;
        SCOPED_TRACE(format("%dx%dx%d features, window %d, one layer of %d channels, kernel %dx%d", h, w, channels, window, out, kh, kw));
        const Mat f = randomFeatures(h, w, channels), weights = randomFloats({ out, n, kh, kw }), bias = randomFloats({ out });
        Mat expected = randomFloats({ h, w, n + out }), dst;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                for (int t = 0; t < n; t++)  // column by column of the window, as published
                {
                    double sum = 0;
                    for (int c = 0; c < channels; c++)
                        sum += f.at<float>(y, x, c) * valueAt(f, y + t % window - window / 2, x + t / window - window / 2, c);
                    expected.at<float>(y, x, t) = (float)sum;
                }
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                for (int o = 0; o < out; o++)
                {
                    double sum = bias.at<float>(o);
                    for (int c = 0; c < n; c++)
                        for (int t = 0; t < kh * kw; t++)
                            sum += weights.ptr<float>(o, c)[t] * valueAt(expected, y + t / kw - kh / 2, x + t % kw - kw / 2, c);
                    expected.at<float>(y, x, n + o) = (float)std::max(sum, 0.);
                }
        selfSimilarity(f, weights, bias, dst, window);
        EXPECT_TRUE(closeTo(dst, expected));
    }
}

TEST(Semcorr_SelfSimilarity, takes_slices_and_works_in_place)
{
    const Mat whole = randomFeatures(9, 8, 10);
    const Range part[] = { Range(1, 8), Range(2, 7), Range::all() };
    const std::vector<Mat> none;
    Mat expected, dst, same = whole(part).clone();
    selfSimilarity(same, none, none, expected, 3);
    selfSimilarity(whole(part), none, none, dst, 3);
    EXPECT_TRUE(sameBits(dst, expected));
    selfSimilarity(Mat(7, 5, CV_32FC(10), same.data), none, none, dst, 3);
    EXPECT_TRUE(sameBits(dst, expected));
    selfSimilarity(same, none, none, same, 3);
    EXPECT_TRUE(sameBits(same, expected));
}

TEST(Semcorr_SelfSimilarity, bad_input)
{
    Mat dst;
    const std::vector<Mat> none;
    const Mat f = randomFeatures(4, 5, 6), w = randomFloats({ 2, 25, 3, 3 }), b = randomFloats({ 2 });
    EXPECT_ERROR(selfSimilarity(Mat(), none, none, dst), "features is empty");
    EXPECT_ERROR(selfSimilarity(Mat(4, 5, CV_64F, Scalar(1)), none, none, dst), "CV_64F");
    EXPECT_ERROR(selfSimilarity(f, none, none, dst, 4), "window is 4");
    EXPECT_ERROR(selfSimilarity(f, none, none, dst, 0), "window is 0");
    EXPECT_ERROR(selfSimilarity(f, none, none, dst, -1), "window is -1");
    EXPECT_ERROR(selfSimilarity(f, w, none, dst), "biases has 0 entries");
    EXPECT_ERROR(selfSimilarity(f, w, b, dst, 3), "weights[0] takes 25 channels, expected 9");
    EXPECT_ERROR(selfSimilarity(f, w, randomFloats({ 3 }), dst), "expected 2 values");
    EXPECT_ERROR(selfSimilarity(f, pair(w, w), pair(b, b), dst), "weights[1] takes 25 channels, expected 2");
    const Mat even = randomFloats({ 2, 25, 2, 3 }), flat = randomFloats({ 2, 25, 3 });
    EXPECT_ERROR(selfSimilarity(f, even, b, dst), "2x25x2x3");
    EXPECT_ERROR(selfSimilarity(f, flat, b, dst), "2x25x3");
}

}}
