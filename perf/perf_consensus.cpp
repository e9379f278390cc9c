// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "perf_precomp.hpp"

namespace opencv_test { namespace {

// Layers of the presets: channels in, channels out, kernel side in grid 1, in grid 2
typedef TestBaseWithParam<tuple<int, int, int, int> > Conv4d;

static const tuple<int, int, int, int> layers[] =
{
    make_tuple(1, 16, 5, 5), make_tuple(16, 16, 5, 5), make_tuple(16, 1, 5, 5),
    make_tuple(1, 16, 3, 3), make_tuple(16, 1, 3, 3), make_tuple(16, 8, 3, 5)
};

PERF_TEST_P(Conv4d, layer_at_25, testing::ValuesIn(layers))
{
    const int in = get<0>(GetParam()), out = get<1>(GetParam()), k1 = get<2>(GetParam()), k2 = get<3>(GetParam());
    const Mat src = randomFloats({ in, 25, 25, 25, 25 }), weights = randomFloats({ out, in, k1, k1, k2, k2 }), bias = randomFloats({ out });
    Mat dst;
    declare.time(20);
    TEST_CYCLE() conv4d(src, weights, bias, dst);
    SANITY_CHECK_NOTHING();
}

CV_ENUM(Preset, PRESET_NCNET_555, PRESET_NCNET_33, PRESET_ANCNET_A, PRESET_ANCNET_B, PRESET_ANCNET_C, PRESET_PMNC)

typedef TestBaseWithParam<Preset> Consensus;

PERF_TEST_P(Consensus, forward_at_25, Preset::all())
{
    const Ptr<ConsensusNet> net = randomNet(GetParam());
    const Mat corr = randomFloats({ 25, 25, 25, 25 }, 0, 1);
    Mat scores;
    declare.time(20);
    TEST_CYCLE() net->forward(corr, scores);
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(Consensus, forward_at_50, testing::Values(Preset(PRESET_NCNET_33), Preset(PRESET_PMNC)))
{
    const Ptr<ConsensusNet> net = randomNet(GetParam());
    const Mat corr = randomFloats({ 50, 50, 50, 50 }, 0, 1);
    Mat scores;
    declare.time(20);
    TEST_CYCLE() net->forward(corr, scores);
    SANITY_CHECK_NOTHING();
}

PERF_TEST_P(Consensus, thousand_pairs, testing::Values(Preset(PRESET_NCNET_33), Preset(PRESET_PMNC)))
{
    const Ptr<ConsensusNet> net = randomNet(GetParam());
    const Mat f1 = randomFeatures(25, 112), f2 = randomFeatures(25, 112);
    Mat cells1(1000, 1, CV_32SC2), cells2(1000, 1, CV_32SC2), scores;
    randu(cells1, 0, 25);
    randu(cells2, 0, 25);
    TEST_CYCLE() net->scorePairs(f1, f2, cells1, cells2, scores);
    SANITY_CHECK_NOTHING();
}

}}
