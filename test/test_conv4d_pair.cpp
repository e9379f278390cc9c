// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"

// Nets of two layers 1 → C → 1 with 3⁴ kernels have a path of their own. Here it is compared with conv4d, layer by layer.

namespace opencv_test { namespace {

using namespace semcorr;

struct PairNet
{
    PairNet(int symmetry, int padding, int channels) : net(ConsensusNet::create(symmetry, padding))
    {
        // mostly positive, so that ReLU cuts some values and not all
        weights[0] = randomFloats({ channels, 1, 3, 3, 3, 3 }, -0.4, 0.6);
        weights[1] = randomFloats({ 1, channels, 3, 3, 3, 3 }, -0.4, 0.5);
        biases[0] = randomFloats({ channels }, -0.5, 0.5);
        biases[1] = randomFloats({ 1 }, -0.5, 0.5);
        for (int i = 0; i < 2; i++)
            net->addBlock(weights[i], biases[i], i > 0);  // one unit with any symmetry
    }
    Mat expected(const Mat& corr) const;

    Ptr<ConsensusNet> net;
    Mat weights[2], biases[2];
};

// A 4-D volume with n zeros on both sides of each dimension
static Mat pad(const Mat& volume, int n)
{
    int shape[4];
    Range inside[4];
    for (int d = 0; d < 4; d++)
    {
        shape[d] = volume.size[d] + 2 * n;
        inside[d] = Range(n, n + volume.size[d]);
    }
    Mat padded(4, shape, CV_32F, Scalar(0));
    volume.copyTo(padded(inside));
    return padded;
}

static Mat runLayers(const Mat& corr, const Mat* weights, const Mat* biases, int netPadding, bool lastActivation)
{
    const bool input = netPadding == PADDING_INPUT;
    const int padding = input ? CONV_VALID : CONV_SAME;
    Mat hidden, scores;
    conv4d(input ? pad(corr, 2) : corr, weights[0], biases[0], hidden, padding);
    max(hidden, 0, hidden);
    conv4d(hidden, weights[1], biases[1], scores, padding);
    if (lastActivation)
        max(scores, 0, scores);
    return scores.reshape(1, 4, corr.size.p);
}

Mat PairNet::expected(const Mat& corr) const
{
    Mat scores = runLayers(corr, weights, biases, net->getPadding(), net->getLastActivation());
    if (net->getSymmetry() != SYMMETRY_NONE)
        scores += swapGrids(runLayers(swapGrids(corr), weights, biases, net->getPadding(), net->getLastActivation()));
    return net->getResidual() != 0 ? Mat(scores + net->getResidual() * corr) : scores;
}

// Sums may cancel, and their terms are about 1: the error allowed is relative to at least 1
static testing::AssertionResult closeToSums(const Mat& actual, const Mat& expected)
{
    return closeTo(actual, expected, 1e-5 * std::max(1., 1. / std::max(cvtest::norm(expected, NORM_INF), 1e-3)));
}

static const int channelCounts[] = { 1, 3, 8, 10, 16 };

typedef testing::TestWithParam<tuple<int, int> > Semcorr_Conv4dPair_Modes;

TEST_P(Semcorr_Conv4dPair_Modes, equals_two_layers)
{
    RNG& rng = theRNG();
    for (int i = 0; i < 60; i++)
    {
        const int channels = channelCounts[i % 5];
        const PairNet pair(get<0>(GetParam()), get<1>(GetParam()), channels);
        pair.net->setLastActivation(rng.uniform(0, 3) > 0);
        pair.net->setResidual(rng.uniform(0, 2) * rng.uniform(-2., 2.));
        const Mat corr = randomFloats({ randomSide(9), randomSide(9), randomSide(19), randomSide(19) }, -0.3, 1);
        Mat scores;
        pair.net->forward(corr, scores);
        EXPECT_TRUE(closeToSums(scores, pair.expected(corr)))
            << channels << " channels, last activation " << pair.net->getLastActivation() << ", residual "
            << pair.net->getResidual();
    }
}

// Tiles are four cells wide, vectors up to sixteen tiles
TEST_P(Semcorr_Conv4dPair_Modes, all_widths)
{
    for (int width = 1; width <= 70; width++)
    {
        const PairNet pair(get<0>(GetParam()), get<1>(GetParam()), channelCounts[width % 5]);
        const Mat corr = randomFloats({ 2, 3, 1 + width % 4, width }, -0.3, 1);
        Mat scores;
        pair.net->forward(corr, scores);
        EXPECT_TRUE(closeToSums(scores, pair.expected(corr))) << "width " << width;
    }
}

// Grids large enough to be cut into bands and parts
TEST_P(Semcorr_Conv4dPair_Modes, large_grids)
{
    const int shapes[][4] = { { 2, 3, 97, 90 }, { 2, 1, 5, 500 }, { 1, 2, 300, 7 }, { 70, 1, 14, 14 }, { 2, 80, 30, 26 } };
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
    {
        const PairNet pair(get<0>(GetParam()), get<1>(GetParam()), 3);
        const Mat corr = randomFloats(std::vector<int>(shapes[i], shapes[i] + 4), -0.3, 1);
        Mat scores;
        pair.net->forward(corr, scores);
        EXPECT_TRUE(closeToSums(scores, pair.expected(corr))) << shapeText(corr);
    }
}

TEST_P(Semcorr_Conv4dPair_Modes, threads_give_the_same_bits)
{
    const int threads = getNumThreads();
    for (int i = 0; i < 10; i++)
    {
        const PairNet pair(get<0>(GetParam()), get<1>(GetParam()), channelCounts[i % 5]);
        const Mat corr = randomFloats({ randomSide(17), randomSide(17), randomSide(23), randomSide(23) }, -0.3, 1);
        Mat scores, expected;
        setNumThreads(1);
        pair.net->forward(corr, expected);
        const int counts[] = { 2, 7 };
        for (int j = 0; j < 2; j++)
        {
            setNumThreads(counts[j]);
            pair.net->forward(corr, scores);
            EXPECT_TRUE(sameBits(scores, expected)) << counts[j] << " threads";
        }
    }
    setNumThreads(threads);
}

INSTANTIATE_TEST_CASE_P(/**/, Semcorr_Conv4dPair_Modes,
                        testing::Combine(testing::Range(0, 3), testing::Range(0, 2)));  // Symmetry, NetPadding

TEST(Semcorr_Conv4dPair, works_in_place)
{
    const PairNet pair(SYMMETRY_NET, PADDING_LAYER, 16);
    Mat corr = randomFloats({ 5, 6, 7, 8 }, -0.3, 1), expected;
    pair.net->forward(corr, expected);
    pair.net->forward(corr, corr);
    EXPECT_TRUE(sameBits(corr, expected));
}

}}
