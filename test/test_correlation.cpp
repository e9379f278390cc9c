// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"

namespace opencv_test { namespace {

using namespace semcorr;

TEST(Semcorr_Correlation, published_values)
{
    const Golden golden("correlation");
    Mat na, nb, corr, mutual;
    normalizeFeatures(golden["fa"], na);
    normalizeFeatures(golden["fb"], nb);
    const int shape[] = { 6, 8, 37 };
    EXPECT_TRUE(closeTo(na, golden["na"].reshape(1, 3, shape)));
    correlate(na, nb, corr);
    EXPECT_TRUE(closeTo(corr, golden["corr"]));
    mutualFilter(corr, mutual);
    EXPECT_TRUE(closeTo(mutual, golden["mutual"]));
    Mat positive = corr.clone(), flat = positive.reshape(1, 1);
    flat = abs(flat);
    mutualFilter(positive, positive);
    EXPECT_TRUE(closeTo(positive, golden["mutual_positive"]));
}

// h1, w1, h2, w2 and the number of channels of a random case
struct Sizes
{
    Sizes() : h1(randomSide(9)), w1(randomSide(9)), h2(randomSide(9)), w2(randomSide(9)), channels(randomSide(70)) {}
    std::string text() const { return format("%dx%d with %dx%d cells, %d channels", h1, w1, h2, w2, channels); }
    int h1, w1, h2, w2, channels;
};

TEST(Semcorr_Correlation, normalize_is_the_formula)
{
    for (int i = 0; i < 30; i++)
    {
        const Sizes n;
        SCOPED_TRACE(n.text());
        const Mat src = randomFloats({ n.h1, n.w1, n.channels }, -3, 3);
        const double eps = theRNG().uniform(1e-6, 0.5);
        Mat dst, expected = src.clone();
        for (int y = 0; y < n.h1; y++)
            for (int x = 0; x < n.w1; x++)
            {
                Mat cell(1, n.channels, CV_32F, expected.ptr<float>(y, x));
                cell /= std::sqrt(cell.dot(cell) + eps);
            }
        normalizeFeatures(src, dst, eps);
        EXPECT_TRUE(closeTo(dst, expected, 1e-6));
    }
}

TEST(Semcorr_Correlation, normalize_keeps_zero_cells_and_scales_huge_ones)
{
    const int shape[] = { 1, 3, 4 };
    Mat f(3, shape, CV_32F, Scalar(0)), dst;
    Mat(1, 4, CV_32F, f.ptr<float>(0, 1)).setTo(1e30);
    Mat(1, 4, CV_32F, f.ptr<float>(0, 2)).setTo(1e-30);
    normalizeFeatures(f, dst);
    for (int c = 0; c < 4; c++)
    {
        EXPECT_EQ(0.f, dst.at<float>(0, 0, c));
        EXPECT_NEAR(0.5f, dst.at<float>(0, 1, c), 1e-6);
        EXPECT_NEAR(0.f, dst.at<float>(0, 2, c), 1e-20);
    }
}

TEST(Semcorr_Correlation, normalize_takes_vectors_longer_than_the_largest_float)
{
    for (int channels = 1; channels <= 600; channels = 2 * channels + 1)
    {
        const int shape[] = { 1, 2, channels };
        Mat f(3, shape, CV_32F, Scalar(3e38)), dst, expected;
        f.at<float>(0, 0, channels - 1) = -1e38f;
        f.convertTo(expected, CV_32F, 1e-38);
        normalizeFeatures(expected, expected, FLT_MIN);
        normalizeFeatures(f, dst);
        EXPECT_TRUE(closeTo(dst, expected, 1e-6)) << channels << " channels";
    }
}

TEST(Semcorr_Correlation, smallest_and_largest_eps)
{
    const int shape[] = { 1, 1, 1, 2 };
    Mat dst;
    mutualFilter(Mat(4, shape, CV_32F, Scalar(0)), dst, FLT_MIN);
    EXPECT_EQ(0, cvtest::norm(dst, NORM_INF)) << "0 / 0 is no score";
    const Mat f = randomFeatures(3, 4, 8);
    normalizeFeatures(f, dst, FLT_MIN);
    EXPECT_TRUE(closeTo(dst, f, 1e-6));
    normalizeFeatures(f, dst, FLT_MAX);
    EXPECT_GT(1e-18, cvtest::norm(dst, NORM_INF));
}

TEST(Semcorr_Correlation, correlate_is_the_dot_product)
{
    for (int i = 0; i < 40; i++)
    {
        const Sizes n;
        SCOPED_TRACE(n.text());
        const Mat f1 = randomFloats({ n.h1, n.w1, n.channels }), f2 = randomFloats({ n.h2, n.w2, n.channels });
        const int shape[] = { n.h1, n.w1, n.h2, n.w2 };
        Mat expected(4, shape, CV_32F), corr;
        float* e = expected.ptr<float>();
        for (int p = 0; p < n.h1 * n.w1; p++)
            for (int q = 0; q < n.h2 * n.w2; q++)
                *e++ = (float)f1.reshape(1, n.h1 * n.w1).row(p).dot(f2.reshape(1, n.h2 * n.w2).row(q));
        correlate(f1, f2, corr);
        EXPECT_TRUE(closeTo(corr, expected));
    }
}

TEST(Semcorr_Correlation, mutual_filter_is_the_formula)
{
    for (int i = 0; i < 40; i++)
    {
        const Sizes n;
        SCOPED_TRACE(n.text());
        const int n1 = n.h1 * n.w1, n2 = n.h2 * n.w2;
        const Mat c = randomFloats({ n.h1, n.w1, n.h2, n.w2 }, 0.01, 1), flat = c.reshape(1, n1);
        const double eps = theRNG().uniform(1e-6, 0.5);
        Mat best1, best2, expected = c.clone(), dst;
        reduce(flat, best1, 0, REDUCE_MAX);  // over grid 1, for each cell of grid 2
        reduce(flat, best2, 1, REDUCE_MAX);
        for (int p = 0; p < n1; p++)
            for (int q = 0; q < n2; q++)
            {
                const double v = flat.at<float>(p, q);
                expected.ptr<float>()[p * n2 + q] =
                    (float)(v * (v / (best1.at<float>(q) + eps)) * (v / (best2.at<float>(p) + eps)));
            }
        mutualFilter(c, dst, eps);
        EXPECT_TRUE(closeTo(dst, expected));
        mutualFilter(swapGrids(c), dst, eps);
        EXPECT_TRUE(closeTo(dst, swapGrids(expected)));
    }
}

TEST(Semcorr_Correlation, takes_slices_and_multichannel_features)
{
    const Mat whole = randomFeatures(9, 8, 20), other = randomFeatures(5, 4, 20);
    const Range part[] = { Range(1, 8), Range(2, 7), Range::all() };
    const Mat slice = whole(part), copy = slice.clone();
    ASSERT_FALSE(slice.isContinuous());
    const Mat multichannel(7, 5, CV_32FC(20), copy.data);
    const Mat cropped = Mat(9, 8, CV_32FC(20), whole.data)(Rect(2, 1, 5, 7));

    Mat expected, corr, dst;
    correlate(copy, other, expected);
    const Mat inputs[] = { slice, multichannel, cropped };
    for (int i = 0; i < 3; i++)
    {
        correlate(inputs[i], other, corr);
        EXPECT_TRUE(sameBits(corr, expected)) << i;
        normalizeFeatures(inputs[i], dst);
        normalizeFeatures(copy, corr);
        EXPECT_TRUE(sameBits(dst, corr)) << i;
        EXPECT_EQ(3, dst.dims);
    }

    const Mat volume = randomFloats({ 4, 5, 6, 7 });
    const Range middle[] = { Range(1, 3), Range(0, 4), Range(2, 5), Range(1, 7) };
    mutualFilter(volume(middle), dst);
    mutualFilter(volume(middle).clone(), expected);
    EXPECT_TRUE(sameBits(dst, expected));
}

TEST(Semcorr_Correlation, works_in_place)
{
    Mat f = randomFloats({ 5, 4, 13 }), expected;
    normalizeFeatures(f, expected);
    normalizeFeatures(f, f);
    EXPECT_TRUE(sameBits(f, expected));

    Mat c = randomFloats({ 3, 4, 5, 2 });
    mutualFilter(c, expected);
    mutualFilter(c, c);
    EXPECT_TRUE(sameBits(c, expected));

    Mat same = f.clone();
    correlate(f, f, expected);
    correlate(same, same, same);
    EXPECT_TRUE(sameBits(same, expected));
}

TEST(Semcorr_Correlation, bad_input)
{
    Mat dst;
    const Mat f = randomFeatures(3, 4, 8), c = randomFloats({ 3, 4, 2, 5 });
    Mat doubles, notFinite = f.clone(), infinite = f.clone();
    f.convertTo(doubles, CV_64F);
    notFinite.at<float>(1, 2, 3) = std::numeric_limits<float>::quiet_NaN();
    infinite.at<float>(2, 3, 7) = std::numeric_limits<float>::infinity();
    const Mat zeros = Mat(f.dims, f.size.p, CV_32F, Scalar(0));

    EXPECT_ERROR(normalizeFeatures(Mat(), dst), "src is empty, expected an array of type CV_32F");
    EXPECT_ERROR(normalizeFeatures(doubles, dst), "CV_64F");
    EXPECT_ERROR(normalizeFeatures(c, dst), "3x4x2x5");
    EXPECT_ERROR(normalizeFeatures(notFinite, dst), "src holds values that are not finite");
    EXPECT_ERROR(normalizeFeatures(f, dst, 0), "eps is 0, expected a value in [1.17549e-38, 3.40282e+38]");
    EXPECT_ERROR(normalizeFeatures(f, dst, 1e-39), "eps is 1e-39");
    EXPECT_ERROR(normalizeFeatures(f, dst, 1e39), "eps is 1e+39");
    EXPECT_ERROR(normalizeFeatures(f, dst, -0.5), "eps is -0.5");
    EXPECT_ERROR(normalizeFeatures(f, dst, std::numeric_limits<double>::quiet_NaN()), "eps is");
    EXPECT_ERROR(normalizeFeatures(f, dst, std::numeric_limits<double>::infinity()), "eps is inf");

    EXPECT_ERROR(correlate(Mat(), f, dst), "features1 is empty");
    EXPECT_ERROR(correlate(f, Mat(), dst), "features2 is empty");
    EXPECT_ERROR(correlate(doubles, f, dst), "features1 has type CV_64F");
    EXPECT_ERROR(correlate(f, randomFeatures(3, 4, 9), dst), "features1 has 8 channels and features2 has 9");
    EXPECT_ERROR(correlate(notFinite, f, dst), "features1 holds values that are not finite");
    EXPECT_ERROR(correlate(f, infinite, dst), "features2 holds values that are not finite");
    EXPECT_ERROR(correlate(zeros, f, dst), "features1 is all zero");
    EXPECT_ERROR(correlate(f, zeros, dst), "features2 is all zero");
    EXPECT_ERROR(correlate(f, c, dst), "features2 is 3x4x2x5");

    EXPECT_ERROR(mutualFilter(Mat(), dst), "corr is empty");
    EXPECT_ERROR(mutualFilter(f, dst), "corr is 3x4x8");
    EXPECT_ERROR(mutualFilter(Mat(4, c.size.p, CV_64F, Scalar(0)), dst), "CV_64F");
    EXPECT_ERROR(mutualFilter(c, dst, 0), "eps is 0");
    EXPECT_ERROR(mutualFilter(c, dst, 1e-60), "eps is 1e-60");
    EXPECT_ERROR(mutualFilter(c, dst, std::numeric_limits<double>::quiet_NaN()), "eps is");
}

}}
