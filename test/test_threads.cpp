// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"

// Every stage gives the same bits for any number of threads.

namespace opencv_test { namespace {

using namespace semcorr;

struct Stage
{
    const char* name;
    std::function<Mat()> run;
};

static std::vector<Stage> stages()
{
    const Mat f1 = randomFeatures(13, 11, 40), f2 = randomFeatures(9, 14, 40);
    const Mat volume = randomFloats({ 13, 11, 9, 14 }), raw = randomFloats({ 13, 11, 40 });
    const Mat even = randomFloats({ 12, 10, 8, 14 }), activations = randomFloats({ 16, 7, 6, 5, 9 });
    const Mat wide = randomFloats({ 16, 16, 3, 3, 5, 5 }), first = randomFloats({ 16, 1, 5, 5, 5, 5 }), last = randomFloats({ 1, 16, 3, 5, 3, 3 });
    const Mat layer = randomFloats({ 7, 25, 3, 3 }), bias = randomFloats({ 7 });
    const Ptr<ConsensusNet> ncnet = Golden("nc_333").net(SYMMETRY_NET), ancnet = Golden("anc_A").net(SYMMETRY_BLOCK, 2);
    std::vector<Point> cells1, cells2;
    for (int i = 0; i < 20; i++)
    {
        cells1.push_back(Point(theRNG().uniform(0, 11), theRNG().uniform(0, 13)));
        cells2.push_back(Point(theRNG().uniform(0, 14), theRNG().uniform(0, 9)));
    }
    const Ptr<Matcher> matcher = Matcher::create(makePtr<ColourFeatures>(8), ncnet,
                                                 searchParams(SEARCH_AUTO, true, true, REFINE_PARABOLA));
    matcher->setSelfSimilarity(layer, bias);
    Mat field, offsets, best;
    bestMatches(volume, field, best);

    return {
        { "normalizeFeatures", [=] { Mat m; normalizeFeatures(raw, m); return m; } },
        { "correlate", [=] { Mat m; correlate(f1, f2, m); return m; } },
        { "mutualFilter", [=] { Mat m; mutualFilter(volume, m); return m; } },
        { "conv4d 16 to 16", [=] { Mat m; conv4d(activations, wide, noArray(), m); return m; } },
        { "conv4d 1 to 16", [=] { Mat m; conv4d(volume, first, noArray(), m); return m; } },
        { "conv4d 16 to 1", [=] { Mat m; conv4d(activations, last, noArray(), m, CONV_VALID); return m; } },
        { "maxPool4d", [=] { Mat m, o; maxPool4d(even, 2, m, o); return m; } },
        { "maxPool4d, offsets", [=] { Mat m, o; maxPool4d(even, 2, m, o); return o; } },
        { "selfSimilarity", [=] { Mat m; selfSimilarity(f1, layer, bias, m); return m; } },
        { "bestMatches 1 to 2", [=] { Mat m, b; bestMatches(volume, m, b, FROM_1_TO_2, true); return m; } },
        { "bestMatches 1 to 2, softmax", [=] { Mat m, b; bestMatches(volume, m, b, FROM_1_TO_2, true); return b; } },
        { "bestMatches 2 to 1", [=] { Mat m, b; bestMatches(volume, m, b, FROM_2_TO_1, true); return m; } },
        { "bestMatches 2 to 1, softmax", [=] { Mat m, b; bestMatches(volume, m, b, FROM_2_TO_1, true); return b; } },
        { "fieldToFlow", [=] { Mat m; fieldToFlow(field, Size(70, 90), Size(14, 9), Size(80, 60), m); return m; } },
        { "NC-Net", [=] { Mat m; ncnet->forward(volume, m); return m; } },
        { "ANC-Net", [=] { Mat m; ancnet->forward(volume, m); return m; } },
        { "NC-Net, listed pairs", [=] { Mat m; ncnet->scorePairs(f1, f2, cells1, cells2, m); return m; } },
        { "ANC-Net, listed pairs", [=] { Mat m; ancnet->scorePairs(f1, f2, cells1, cells2, m); return m; } },
        { "matchFeatures", [=] { Mat m; matcher->matchFeatures(f1, f2, m); return m; } },
        { "matchFeatures, scores", [=] { Mat m, s; matcher->matchFeatures(f1, f2, m, s); return s; } },
    };
}

TEST(Semcorr_Threads, results_are_bit_identical)
{
    const std::vector<Stage> all = stages();
    const int threads = getNumThreads();
    for (size_t i = 0; i < all.size(); i++)
    {
        setNumThreads(1);
        const Mat expected = all[i].run();
        const int counts[] = { 1, 2, 3, 7 };
        for (int j = 0; j < 4; j++)
        {
            setNumThreads(counts[j]);
            EXPECT_TRUE(sameBits(all[i].run(), expected)) << all[i].name << ", " << counts[j] << " threads";
        }
    }
    setNumThreads(threads);
}

}}
