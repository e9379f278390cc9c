// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "perf_precomp.hpp"
#include "../test/smooth_features.hpp"

// Dense search against PatchMatch, on features that vary smoothly as those of pictures do; white noise would tell nothing.

namespace opencv_test { namespace {

static Mat smoothFeatures(int side, int channels, double angle)
{
    return smoothField(side, channels, angle, 1, 24, 0.5);
}

class AnyFeatures CV_FINAL : public FeatureNet
{
public:
    void compute(InputArray, OutputArray) CV_OVERRIDE {}
    Params getParams() const CV_OVERRIDE { return Params(); }
    void setParams(const Params&) CV_OVERRIDE {}
};

static Matcher::Params searchParams(int mode)
{
    Matcher::Params params(mode);
    params.mutual = params.bidirectional = false;
    params.memoryLimit = (size_t)6 << 30;
    return params;
}

// Rewards pairs whose neighbours correspond at the same displacement: in place of a trained net of two 3^4 layers
static Ptr<ConsensusNet> diagonalNet()
{
    const Ptr<ConsensusNet> net = randomNet(PRESET_PMNC);
    std::vector<Mat> weights, biases;
    for (int i = 0; i < 2; i++)
    {
        net->getBlock(i, weights, biases);
        float* w = weights[0].ptr<float>();
        for (int channel = 0; channel < 16; channel++)
            for (int tap = 0; tap < 9; tap++)
                w[(channel * 9 + tap) * 9 + tap] += 0.3f;
        net->setBlock(i, weights, biases);
    }
    net->setLastActivation(false);
    return net;
}

CV_ENUM(Mode, SEARCH_DENSE_4D, SEARCH_PATCHMATCH)

class Search : public TestBaseWithParam<tuple<Mode, int, int> >  // side of both grids, channels
{
protected:
    void measure(const Ptr<ConsensusNet>& net)
    {
        const int mode = get<0>(GetParam()), side = get<1>(GetParam()), channels = get<2>(GetParam());
        const Ptr<Matcher> matcher = Matcher::create(makePtr<AnyFeatures>(), net, searchParams(mode));
        const Mat f1 = smoothFeatures(side, channels, 0), f2 = smoothFeatures(side, channels, 0.15);
        Mat field, scores;
        declare.time(60);
        TEST_CYCLE() matcher->matchFeatures(f1, f2, field, scores);
        SANITY_CHECK_NOTHING();
    }
};

PERF_TEST_P(Search, net_33, testing::Combine(Mode::all(), testing::Values(16, 25, 32, 50, 64, 100), testing::Values(112, 1024)))
{
    measure(diagonalNet());
}

// The dense search would take some 10 and 40 seconds.
PERF_TEST_P(Search, net_33_large, testing::Combine(testing::Values((int)SEARCH_PATCHMATCH), testing::Values(140, 200),
                                                   testing::Values(112, 1024)))
{
    measure(diagonalNet());
}

PERF_TEST_P(Search, net_555, testing::Values(make_tuple((int)SEARCH_DENSE_4D, 16, 112), make_tuple((int)SEARCH_DENSE_4D, 25, 112),
                                             make_tuple((int)SEARCH_DENSE_4D, 32, 112), make_tuple((int)SEARCH_DENSE_4D, 16, 1024),
                                             make_tuple((int)SEARCH_DENSE_4D, 25, 1024), make_tuple((int)SEARCH_PATCHMATCH, 16, 112),
                                             make_tuple((int)SEARCH_PATCHMATCH, 25, 112), make_tuple((int)SEARCH_PATCHMATCH, 16, 1024)))
{
    if (get<0>(GetParam()) == SEARCH_PATCHMATCH || get<1>(GetParam()) > 25)
        applyTestTag(CV_TEST_TAG_LONG);  // nothing is shared between overlapping patches of such nets but tiles
    declare.iterations(2);
    measure(randomNet(PRESET_NCNET_555));
}

CV_ENUM(Init, INIT_CORRELATION, INIT_COARSE_TO_FINE, INIT_RANDOM)
CV_ENUM(Offsets, OFFSETS_AXES, OFFSETS_GIPUMA)

class PatchMatchTest : public TestBase
{
protected:
    void measure(const Matcher::Params& params, int side)
    {
        const Ptr<Matcher> matcher = Matcher::create(makePtr<AnyFeatures>(), diagonalNet(), params);
        const Mat f1 = smoothFeatures(side, 112, 0), f2 = smoothFeatures(side, 112, 0.15);
        Mat field;
        declare.time(60);
        TEST_CYCLE() matcher->matchFeatures(f1, f2, field);
        SANITY_CHECK_NOTHING();
    }
};

class PatchMatchStart : public PatchMatchTest, public testing::WithParamInterface<tuple<Init, int> > {};  // side of both grids

// Finding where to begin and scoring that, against scoring random targets
PERF_TEST_P(PatchMatchStart, net_33, testing::Combine(testing::Values((int)INIT_CORRELATION, (int)INIT_RANDOM), testing::Values(50, 100)))
{
    Matcher::Params params = searchParams(SEARCH_PATCHMATCH);
    params.init = get<0>(GetParam());
    params.iterations = params.localRadius = 0;
    params.hypotheses = 1;
    measure(params, get<1>(GetParam()));
}

class PatchMatchPasses : public PatchMatchTest, public testing::WithParamInterface<tuple<Init, int> > {};  // iterations: 0 is the start alone

PERF_TEST_P(PatchMatchPasses, grid_140, testing::Combine(Init::all(), testing::Values(0, 1, 2, 5)))
{
    Matcher::Params params = searchParams(SEARCH_PATCHMATCH);
    params.init = get<0>(GetParam());
    params.iterations = get<1>(GetParam());
    measure(params, 140);
}

class PatchMatchCandidates : public PatchMatchTest, public testing::WithParamInterface<tuple<Offsets, int, int> > {};  // hypotheses, local radius

PERF_TEST_P(PatchMatchCandidates, grid_50, testing::Combine(Offsets::all(), testing::Values(1, 2, 3), testing::Values(0, 1, 2)))
{
    Matcher::Params params = searchParams(SEARCH_PATCHMATCH);
    params.offsets = get<0>(GetParam());
    params.hypotheses = get<1>(GetParam());
    params.localRadius = get<2>(GetParam());
    measure(params, 50);
}

}}
