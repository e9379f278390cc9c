// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"

namespace opencv_test { namespace {

using namespace semcorr;

// A net of random shape and weights. Later blocks have weights around zero, so that ReLU matters.
struct NetCase
{
    NetCase(int symmetry, int padding) : net(ConsensusNet::create(symmetry, padding))
    {
        RNG& rng = theRNG();
        const int blocks = rng.uniform(1, 4);
        stream << "symmetry " << symmetry << ", padding " << padding;
        int in = 1;
        for (int i = 0; i < blocks; i++)
        {
            const bool last = i + 1 == blocks, joined = i > 0 && rng.uniform(0, 2);
            std::vector<Mat> weights, biases;
            const int convs = last ? 1 : rng.uniform(1, 3);
            int outs = 0;
            stream << (joined ? ", joined" : ",");
            for (int j = 0; j < convs; j++)
            {
                const int out = last ? 1 : rng.uniform(1, 5);
                std::vector<int> shape = { out, in, side(), side(), side(), side() };
                weights.push_back(randomFloats(shape, -0.4, 0.6));
                biases.push_back(randomFloats({ out }, -0.2, 0.2));
                outs += out;
                stream << " " << shapeText(weights.back());
            }
            net->addBlock(weights, biases, joined);
            in = outs;
        }
        net->setLastActivation(rng.uniform(0, 2) != 0);
        net->setResidual(rng.uniform(0, 2) * rng.uniform(-2., 2.));
        stream << ", last activation " << net->getLastActivation() << ", residual " << net->getResidual();
    }
    static int side() { return 2 * theRNG().uniform(0, 3) + 1; }
    std::string text() const { return stream.str(); }

    Ptr<ConsensusNet> net;
    std::ostringstream stream;
};

typedef testing::TestWithParam<tuple<int, int> > Semcorr_ConsensusNet_Modes;

TEST_P(Semcorr_ConsensusNet_Modes, listed_pairs_have_the_scores_of_all_pairs)
{
    for (int i = 0; i < 12; i++)
    {
        const NetCase net(get<0>(GetParam()), get<1>(GetParam()));
        const Mat f1 = randomFeatures(randomSide(5), randomSide(5), 6), f2 = randomFeatures(randomSide(5), randomSide(5), 6);
        SCOPED_TRACE(shapeText(f1) + " with " + shapeText(f2) + ", " + net.text());
        Mat corr, dense, listed;
        correlate(f1, f2, corr);
        net.net->forward(corr, dense);

        std::vector<Point> cells1, cells2;
        std::vector<float> expected;
        for (int j = 0; j < 60; j++)
        {
            cells1.push_back(Point(theRNG().uniform(0, f1.size[1]), theRNG().uniform(0, f1.size[0])));
            cells2.push_back(Point(theRNG().uniform(0, f2.size[1]), theRNG().uniform(0, f2.size[0])));
            const int at[] = { cells1[j].y, cells1[j].x, cells2[j].y, cells2[j].x };
            expected.push_back(dense.at<float>(at));
        }
        net.net->scorePairs(f1, f2, cells1, cells2, listed);
        ASSERT_EQ(Size(1, 60), listed.size());
        // the allowed difference is relative to the largest of all scores: those listed may all be small sums of large values
        EXPECT_LE(cvtest::norm(listed, column(expected), NORM_INF), 1e-5 * cvtest::norm(dense, NORM_INF) + 1e-7);
    }
}

INSTANTIATE_TEST_CASE_P(/**/, Semcorr_ConsensusNet_Modes,
                        testing::Combine(testing::Values((int)SYMMETRY_NONE, (int)SYMMETRY_NET, (int)SYMMETRY_BLOCK),
                                         testing::Values((int)PADDING_LAYER, (int)PADDING_INPUT)));

typedef testing::TestWithParam<tuple<int, int> > Semcorr_ConsensusNet_Symmetric;

TEST_P(Semcorr_ConsensusNet_Symmetric, order_of_images_does_not_matter)
{
    for (int i = 0; i < 12; i++)
    {
        const NetCase net(get<0>(GetParam()), get<1>(GetParam()));
        const Mat c = randomFloats({ randomSide(6), randomSide(6), randomSide(6), randomSide(6) });
        SCOPED_TRACE(shapeText(c) + ", " + net.text());
        Mat scores, swapped;
        net.net->forward(c, scores);
        net.net->forward(swapGrids(c), swapped);
        EXPECT_LE(cvtest::norm(swapGrids(swapped), scores, NORM_INF), 1e-5 * cvtest::norm(scores, NORM_INF) + 1e-7);
    }
}

INSTANTIATE_TEST_CASE_P(/**/, Semcorr_ConsensusNet_Symmetric,
                        testing::Combine(testing::Values((int)SYMMETRY_NET, (int)SYMMETRY_BLOCK),
                                         testing::Values((int)PADDING_LAYER, (int)PADDING_INPUT)));

// Score of a pair from its zero-padded patch of the correlation alone, by valid convolutions
static float patchScore(const ConsensusNet& net, const Mat& c, const Vec4i& pair)
{
    std::vector<Mat> weights, biases;
    Vec4i radius(0, 0, 0, 0);
    for (int i = 0; i < net.getBlockCount(); i++)
    {
        net.getBlock(i, weights, biases);
        for (int d = 0; d < 4; d++)
            radius[d] += weights[0].size[d + 2] / 2;
    }
    const int shape[] = { 2 * radius[0] + 1, 2 * radius[1] + 1, 2 * radius[2] + 1, 2 * radius[3] + 1 };
    Mat x(4, shape, CV_32F);
    int i[4];
    for (i[0] = 0; i[0] < shape[0]; i[0]++)
    for (i[1] = 0; i[1] < shape[1]; i[1]++)
    for (i[2] = 0; i[2] < shape[2]; i[2]++)
    for (i[3] = 0; i[3] < shape[3]; i[3]++)
    {
        int at[4];
        bool inside = true;
        for (int d = 0; d < 4; d++)
        {
            at[d] = pair[d] + i[d] - radius[d];
            inside = inside && at[d] >= 0 && at[d] < c.size[d];
        }
        x.at<float>(i) = inside ? c.at<float>(at) : 0.f;
    }
    for (int b = 0; b < net.getBlockCount(); b++)
    {
        net.getBlock(b, weights, biases);
        conv4d(x, weights[0], biases[0], x, CONV_VALID);
        if (b + 1 < net.getBlockCount() || net.getLastActivation())
        {
            Mat flat = x.reshape(1, 1);
            flat = max(flat, 0);
        }
    }
    CV_Assert(x.total() == 1);
    return *x.ptr<float>();
}

TEST(Semcorr_ConsensusNet, padding_of_the_input_makes_scores_local)
{
    for (int i = 0; i < 20; i++)
    {
        const int symmetry = i % 2 ? SYMMETRY_NONE : SYMMETRY_NET;
        Ptr<ConsensusNet> net = ConsensusNet::create(symmetry, PADDING_INPUT);
        const int hidden = theRNG().uniform(1, 6);
        net->addBlock(randomFloats({ hidden, 1, 3, 1 + 2 * (i % 3), 3, 5 }), randomFloats({ hidden }));
        net->addBlock(randomFloats({ 1, hidden, 3, 3, 1 + 2 * (i % 2), 3 }), randomFloats({ 1 }));
        net->setLastActivation(i % 3 == 0);
        const Mat c = randomFloats({ randomSide(5), randomSide(5), randomSide(5), randomSide(5) });
        SCOPED_TRACE(shapeText(c) + format(", symmetry %d, %d hidden channels, case %d", symmetry, hidden, i));
        Mat scores;
        net->forward(c, scores);
        for (int j = 0; j < 20; j++)
        {
            Vec4i pair;
            for (int d = 0; d < 4; d++)
                pair[d] = theRNG().uniform(0, c.size[d]);
            float expected = patchScore(*net, c, pair);
            if (symmetry == SYMMETRY_NET)
                expected += patchScore(*net, swapGrids(c), Vec4i(pair[2], pair[3], pair[0], pair[1]));
            ASSERT_NEAR(expected, scores.at<float>(pair.val), 1e-5 * cvtest::norm(scores, NORM_INF) + 1e-6) << pair;
        }
    }
}

TEST(Semcorr_ConsensusNet, residual_and_last_activation)
{
    const Mat c = randomFloats({ 3, 4, 2, 5 });
    Ptr<ConsensusNet> net = identityNet();
    Mat scores;
    EXPECT_TRUE(net->getLastActivation());
    EXPECT_EQ(0, net->getResidual());
    net->forward(c, scores);
    EXPECT_TRUE(sameBits(scores.reshape(1, 1), max(c.reshape(1, 1), 0)));
    net->setLastActivation(false);
    EXPECT_FALSE(net->getLastActivation());
    net->forward(c, scores);
    EXPECT_TRUE(sameBits(scores, c));
    net->setResidual(-0.25);
    EXPECT_EQ(-0.25, net->getResidual());
    net->forward(c, scores);
    EXPECT_TRUE(closeTo(scores.reshape(1, 1), Mat(c.reshape(1, 1) * 0.75), 1e-6));
}

TEST(Semcorr_ConsensusNet, takes_slices_and_works_in_place)
{
    const Golden golden("nc_33");
    const Ptr<ConsensusNet> net = golden.net(SYMMETRY_NET);
    net->setResidual(0.5);
    const Mat whole = golden["mutual1"];
    const Range part[] = { Range(1, 8), Range(0, 5), Range(2, 8), Range(1, 6) };
    Mat expected, scores, same = whole(part).clone();
    net->forward(same, expected);
    net->forward(whole(part), scores);
    EXPECT_TRUE(sameBits(scores, expected));
    net->forward(same, same);
    EXPECT_TRUE(sameBits(same, expected));

    // a slice as output, and memory that input and output share in part
    Mat frame = whole.clone(), slice = frame(part);
    net->forward(whole(part), slice);
    EXPECT_TRUE(sameBits(frame(part), expected));
    const int rows[] = { expected.size[0] + 1, expected.size[1], expected.size[2], expected.size[3] };
    Mat buffer(4, rows, CV_32F);
    const Range all = Range::all(), upper[] = { Range(0, rows[0] - 1), all, all, all }, lower[] = { Range(1, rows[0]), all, all, all };
    Mat input = buffer(upper), output = buffer(lower);
    whole(part).copyTo(input);
    net->forward(input, output);
    EXPECT_TRUE(sameBits(buffer(lower), expected));
}

TEST(Semcorr_ConsensusNet, takes_all_layouts_of_cells)
{
    const Mat f1 = randomFeatures(4, 5, 8), f2 = randomFeatures(3, 6, 8);
    const Ptr<ConsensusNet> net = Golden("nc_33").net(SYMMETRY_NET);
    const std::vector<Point> cells1 = { Point(0, 0), Point(4, 3), Point(2, 1) }, cells2 = { Point(5, 2), Point(0, 0), Point(3, 1) };
    Mat expected, scores, frame(3, 4, CV_32S, Scalar(0));
    net->scorePairs(f1, f2, cells1, cells2, expected);
    EXPECT_EQ(CV_32FC1, expected.type());
    net->scorePairs(f1, f2, column(cells1).reshape(1), column(cells2).t(), scores);
    EXPECT_TRUE(sameBits(scores, expected));
    column(cells1).reshape(1).copyTo(frame.colRange(1, 3));
    net->scorePairs(f1, f2, frame.colRange(1, 3), cells2, scores);
    EXPECT_TRUE(sameBits(scores, expected));
}

TEST(Semcorr_ConsensusNet, blocks_are_copied)
{
    std::vector<Mat> weights = { randomFloats({ 2, 1, 3, 3, 5, 5 }), randomFloats({ 3, 1, 1, 3, 1, 3 }) };
    std::vector<Mat> biases = { randomFloats({ 2 }), randomFloats({ 3 }) }, gotWeights, gotBiases;
    const Mat first = weights[0].clone();
    Ptr<ConsensusNet> net = ConsensusNet::create(SYMMETRY_BLOCK, PADDING_INPUT);
    net->addBlock(weights, biases);
    weights[0].reshape(1, 1) = Scalar(7);
    net->addBlock(randomFloats({ 1, 5, 3, 3, 3, 3 }), noArray(), true);

    EXPECT_EQ(2, net->getBlockCount());
    EXPECT_EQ(SYMMETRY_BLOCK, net->getSymmetry());
    EXPECT_EQ(PADDING_INPUT, net->getPadding());
    EXPECT_FALSE(net->isJoined(0));
    EXPECT_TRUE(net->isJoined(1));
    net->getBlock(0, gotWeights, gotBiases);
    ASSERT_EQ(2u, gotWeights.size());
    EXPECT_TRUE(sameBits(gotWeights[0], first));
    EXPECT_TRUE(sameBits(gotWeights[1], weights[1]));
    EXPECT_TRUE(sameBits(gotBiases[1].reshape(1, 1), biases[1].reshape(1, 1)));
    gotWeights[0].reshape(1, 1) = Scalar(8);
    net->getBlock(0, gotWeights, gotBiases);
    EXPECT_TRUE(sameBits(gotWeights[0], first));
    net->getBlock(1, gotWeights, gotBiases);
    EXPECT_EQ(0, cvtest::norm(gotBiases[0], NORM_INF));

    net->setBlock(0, weights, biases);
    net->getBlock(0, gotWeights, gotBiases);
    EXPECT_EQ(7.f, gotWeights[0].ptr<float>()[0]);
    net->clear();
    EXPECT_TRUE(net->empty());
}

TEST(Semcorr_ConsensusNet, presets)
{
    const struct { NetPreset preset; int symmetry, padding; const char* shapes; } table[] =
    {
        { PRESET_NCNET_555, SYMMETRY_NET, PADDING_LAYER, "16x1x5x5x5x5, 16x16x5x5x5x5, 1x16x5x5x5x5" },
        { PRESET_NCNET_33, SYMMETRY_NET, PADDING_LAYER, "16x1x3x3x3x3, 1x16x3x3x3x3" },
        { PRESET_ANCNET_A, SYMMETRY_BLOCK, PADDING_LAYER, "8x1x3x3x5x5 | 8x1x5x5x5x5, 16x16x5x5x5x5, joined 1x16x5x5x5x5" },
        { PRESET_ANCNET_B, SYMMETRY_BLOCK, PADDING_LAYER, "16x1x5x5x5x5, 8x16x3x3x5x5 | 8x16x5x5x5x5, 1x16x5x5x5x5" },
        { PRESET_ANCNET_C, SYMMETRY_BLOCK, PADDING_LAYER, "8x1x3x3x5x5 | 8x1x5x5x5x5, 8x16x3x3x5x5 | 8x16x5x5x5x5, 1x16x5x5x5x5" },
        { PRESET_PMNC, SYMMETRY_NONE, PADDING_INPUT, "16x1x3x3x3x3, 1x16x3x3x3x3" }
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
    {
        const Ptr<ConsensusNet> net = ConsensusNet::createPreset(table[i].preset);
        EXPECT_EQ(table[i].symmetry, net->getSymmetry()) << i;
        EXPECT_EQ(table[i].padding, net->getPadding()) << i;
        std::string shapes;
        for (int b = 0; b < net->getBlockCount(); b++)
        {
            std::vector<Mat> weights, biases;
            net->getBlock(b, weights, biases);
            shapes += std::string(b ? ", " : "") + (net->isJoined(b) ? "joined " : "");
            for (size_t j = 0; j < weights.size(); j++)
            {
                const std::string text = shapeText(weights[j]);
                shapes += (j ? " | " : "") + text.substr(0, text.find(' '));
                EXPECT_EQ(0, cvtest::norm(weights[j], NORM_INF)) << i;
            }
        }
        EXPECT_EQ(table[i].shapes, shapes);
    }
}

TEST(Semcorr_ConsensusNet, bad_construction)
{
    EXPECT_ERROR(ConsensusNet::create(3), "symmetry is 3");
    EXPECT_ERROR(ConsensusNet::create(-1), "symmetry is -1");
    EXPECT_ERROR(ConsensusNet::create(SYMMETRY_NET, 2), "padding is 2");
    EXPECT_ERROR(ConsensusNet::createPreset(6), "preset is 6");
    EXPECT_ERROR(ConsensusNet::createPreset(-1), "preset is -1");
    EXPECT_ERROR(ConsensusNet::load("no_such_net.yml"), "no_such_net.yml");

    const Ptr<ConsensusNet> net = ConsensusNet::create();
    const Mat w = randomFloats({ 4, 1, 3, 3, 3, 3 });
    Mat doubles, notFinite = w.clone();
    w.convertTo(doubles, CV_64F);
    notFinite.ptr<float>()[5] = std::numeric_limits<float>::quiet_NaN();
    const std::vector<Mat> two(2, w), unequal = { w, randomFloats({ 4, 2, 3, 3, 3, 3 }) };
    EXPECT_ERROR(net->addBlock(Mat()), "weights");
    EXPECT_ERROR(net->addBlock(std::vector<Mat>()), "weights is empty");
    EXPECT_ERROR(net->addBlock(doubles), "CV_64F");
    EXPECT_ERROR(net->addBlock(notFinite), "weights[0] holds values that are not finite");
    EXPECT_ERROR(net->addBlock(randomFloats({ 4, 1, 3, 3, 3 })), "4x1x3x3x3");
    EXPECT_ERROR(net->addBlock(randomFloats({ 4, 1, 3, 3, 4, 3 })), "4x1x3x3x4x3");
    EXPECT_ERROR(net->addBlock(randomFloats({ 1, 1, 1, 1, 33, 1 })), "1x1x1x1x33x1");
    EXPECT_ERROR(net->addBlock(randomFloats({ 4, 2, 3, 3, 3, 3 })), "block 0 takes 2 channels, expected 1");
    EXPECT_ERROR(net->addBlock(w, randomFloats({ 5 })), "expected 4 values");
    EXPECT_ERROR(net->addBlock(two, randomFloats({ 4 })), "biases has 1 entries for 2 convolutions");
    EXPECT_ERROR(net->addBlock(unequal), "weights[1] takes 2 channels and weights[0] takes 1");
    EXPECT_ERROR(net->addBlock(w, noArray(), true), "joined is true for the first block");
    EXPECT_EQ(0, net->getBlockCount());

    net->addBlock(w);
    EXPECT_ERROR(net->addBlock(w), "block 1 takes 1 channels, expected 4");
    EXPECT_ERROR(net->setBlock(1, w), "block index is 1");
    EXPECT_ERROR(net->setBlock(0, two), "4x1x3x3x3x3");
    EXPECT_ERROR(net->setBlock(0, randomFloats({ 4, 1, 3, 3, 3, 5 })), "4x1x3x3x3x5");
    std::vector<Mat> weights, biases;
    EXPECT_ERROR(net->getBlock(-1, weights, biases), "block index is -1");
    EXPECT_ERROR(net->isJoined(1), "block index is 1");
    EXPECT_ERROR(net->setResidual(std::numeric_limits<double>::quiet_NaN()), "residual is");
    EXPECT_ERROR(net->setResidual(-std::numeric_limits<double>::infinity()), "residual is -inf");
}

TEST(Semcorr_ConsensusNet, bad_input)
{
    Mat scores;
    const Mat c = randomFloats({ 3, 4, 2, 5 }), f1 = randomFeatures(3, 4, 6), f2 = randomFeatures(2, 5, 6);
    const std::vector<Point> cell(1, Point(0, 0)), two(2, Point(1, 1)), outside(1, Point(4, 0)), negative(1, Point(0, -1));
    const std::vector<Point2f> floats(1, Point2f(0, 0));
    const Ptr<ConsensusNet> empty = ConsensusNet::create(), open = ConsensusNet::create(), net = identityNet();
    open->addBlock(randomFloats({ 4, 1, 3, 3, 3, 3 }));
    EXPECT_ERROR(empty->forward(c, scores), "no blocks");
    EXPECT_ERROR(open->forward(c, scores), "ends in 4 channels");
    EXPECT_ERROR(empty->scorePairs(f1, f2, cell, cell, scores), "no blocks");
    EXPECT_ERROR(open->scorePairs(f1, f2, cell, cell, scores), "ends in 4 channels");
    EXPECT_ERROR(net->forward(Mat(), scores), "corr is empty");
    EXPECT_ERROR(net->forward(f1, scores), "corr is 3x4x6");
    EXPECT_ERROR(net->forward(Mat(4, c.size.p, CV_64F, Scalar(0)), scores), "CV_64F");
    EXPECT_ERROR(net->scorePairs(f1, f2, Mat(), cell, scores), "cells1 is empty");
    EXPECT_ERROR(net->scorePairs(f1, f2, floats, cell, scores), "CV_32FC2");
    EXPECT_ERROR(net->scorePairs(f1, f2, cell, two, scores), "cells1 has 1 cells and cells2 has 2");
    EXPECT_ERROR(net->scorePairs(f1, f2, outside, cell, scores), "cells1[0] is (4, 0)");
    EXPECT_ERROR(net->scorePairs(f1, f2, cell, negative, scores), "cells2[0] is (0, -1)");
    EXPECT_ERROR(net->scorePairs(f1, randomFeatures(2, 5, 7), cell, cell, scores), "features1 has 6 channels and features2 has 7");
    EXPECT_ERROR(net->scorePairs(Mat(), f2, cell, cell, scores), "features1 is empty");
}

}}
