// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "perf_precomp.hpp"

namespace opencv_test { namespace {

typedef TestBaseWithParam<tuple<int, int> > Correlate;  // side of both grids, channels

PERF_TEST_P(Correlate, grid_channels, testing::Combine(testing::Values(16, 25, 32, 50), testing::Values(112, 1024)))
{
    const Mat f1 = randomFeatures(get<0>(GetParam()), get<1>(GetParam())), f2 = randomFeatures(get<0>(GetParam()), get<1>(GetParam()));
    Mat corr;
    TEST_CYCLE() correlate(f1, f2, corr);
    SANITY_CHECK_NOTHING();
}

typedef TestBaseWithParam<tuple<int, int> > NormalizeFeatures;

PERF_TEST_P(NormalizeFeatures, grid_channels, testing::Combine(testing::Values(25, 50), testing::Values(112, 1024)))
{
    const Mat f = randomFloats({ get<0>(GetParam()), get<0>(GetParam()), get<1>(GetParam()) });
    Mat dst;
    TEST_CYCLE() normalizeFeatures(f, dst);
    SANITY_CHECK_NOTHING();
}

typedef TestBaseWithParam<int> Volume;  // side of both grids

PERF_TEST_P(Volume, mutualFilter, testing::Values(16, 25, 32, 50))
{
    const int n = GetParam();
    const Mat corr = randomFloats({ n, n, n, n }, 0, 1);
    Mat dst;
    TEST_CYCLE() mutualFilter(corr, dst);
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(Volume, bestMatches_from_1_to_2, testing::Values(16, 25, 32, 50))
{
    const int n = GetParam();
    const Mat scores = randomFloats({ n, n, n, n });
    Mat field, best;
    TEST_CYCLE() bestMatches(scores, field, best, FROM_1_TO_2);
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(Volume, bestMatches_from_2_to_1, testing::Values(16, 25, 32, 50))
{
    const int n = GetParam();
    const Mat scores = randomFloats({ n, n, n, n });
    Mat field, best;
    TEST_CYCLE() bestMatches(scores, field, best, FROM_2_TO_1);
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(Volume, maxPool4d_2, testing::Values(32, 50))
{
    const int n = GetParam();
    const Mat corr = randomFloats({ n, n, n, n });
    Mat dst, offsets;
    TEST_CYCLE() maxPool4d(corr, 2, dst, offsets);
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(Volume, selfSimilarity, testing::Values(25, 50))
{
    const Mat f = randomFeatures(GetParam(), 1024);
    const std::vector<Mat> weights = { randomFloats({ 64, 25, 3, 3 }), randomFloats({ 32, 64, 3, 3 }) };
    const std::vector<Mat> biases = { randomFloats({ 64 }), randomFloats({ 32 }) };
    Mat dst;
    TEST_CYCLE() selfSimilarity(f, weights, biases, dst);
    SANITY_CHECK_NOTHING();
}

}}
