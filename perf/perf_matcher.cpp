// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "perf_precomp.hpp"
#include "../test/smooth_features.hpp"
#include "opencv2/imgproc.hpp"

namespace opencv_test { namespace {

// Smooth noise, so that neighbouring cells look alike as in pictures
static Mat randomImage(int side)
{
    Mat small(side / 8, side / 8, CV_8UC3), image;
    randu(small, 0, 256);
    cv::resize(small, image, Size(side, side), 0, 0, INTER_CUBIC);
    return image;
}

typedef TestBaseWithParam<tuple<int, int> > MatchFeatures;  // side of both grids, channels

PERF_TEST_P(MatchFeatures, default_net, testing::Combine(testing::Values(16, 25, 32), testing::Values(112, 1024)))
{
    const Ptr<Matcher> matcher = Matcher::create();
    const int side = get<0>(GetParam()), channels = get<1>(GetParam());
    const Mat f1 = smoothField(side, channels, 0, 1, 24, 0.5), f2 = smoothField(side, channels, 0.15, 1, 24, 0.5);
    Mat field, scores;
    TEST_CYCLE() matcher->matchFeatures(f1, f2, field, scores);
    SANITY_CHECK_NOTHING();
}

typedef TestBaseWithParam<tuple<bool, bool, int> > MatchOptions;  // mutual, bidirectional, refine

PERF_TEST_P(MatchOptions, features_25, testing::Combine(testing::Bool(), testing::Bool(),
                                                        testing::Values((int)REFINE_NONE, (int)REFINE_PARABOLA, (int)REFINE_SOFT_ARGMAX)))
{
    Matcher::Params params;
    params.mode = SEARCH_DENSE_4D;
    params.mutual = get<0>(GetParam());
    params.bidirectional = get<1>(GetParam());
    params.refine = get<2>(GetParam());
    const Ptr<Matcher> matcher = Matcher::create(params);
    const Mat f1 = randomFeatures(25, 112), f2 = randomFeatures(25, 112);
    Mat field, scores;
    TEST_CYCLE() matcher->matchFeatures(f1, f2, field, scores);
    SANITY_CHECK_NOTHING();
}

typedef TestBaseWithParam<int> MatchImages;  // side in pixels

PERF_TEST_P(MatchImages, default_matcher, testing::Values(400, 800))
{
    const Ptr<Matcher> matcher = Matcher::create();
    const Mat image1 = randomImage(GetParam()), image2 = randomImage(GetParam());
    Mat flow, confidence;
    TEST_CYCLE() matcher->match(image1, image2, flow, confidence);
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(MatchImages, against_reference, testing::Values(400))
{
    const Ptr<Matcher> matcher = Matcher::create();
    matcher->setReference(randomImage(GetParam()));
    const Mat image2 = randomImage(GetParam());
    Mat flow, confidence;
    TEST_CYCLE() matcher->matchReference(image2, flow, confidence);
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(MatchImages, flow_from_field, testing::Values(400, 1600))
{
    const Size size(GetParam(), GetParam()), grid(25, 25);
    Mat field(grid, CV_32FC2), flow;
    randu(field, 0, 25);
    TEST_CYCLE() fieldToFlow(field, size, grid, size, flow);
    SANITY_CHECK_NOTHING();
}

}}
