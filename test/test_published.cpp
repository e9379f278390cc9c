// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"

// Whole pipelines of the published code: features → correlation → mutual filter → net → mutual filter → read-out

namespace opencv_test { namespace {

using namespace semcorr;

// Position of cell j of n as the published code has it: the outermost centres lie at `low` and 1
static float cornerAligned(float cell, int n, double low)
{
    return (float)(n > 1 ? low + (1 - low) * cell / (n - 1) : low);
}

// Row by row xA, yA, xB, yB, score; one column per source cell
static Mat readOut(const Mat& scores, int direction, bool softmax, double low)
{
    Mat field, best;
    bestMatches(scores, field, best, direction, softmax);
    const int* n = scores.size.p;
    Mat rows(5, (int)field.total(), CV_32F);
    for (int i = 0; i < rows.cols; i++)
    {
        const Point2f source((float)(i % field.cols), (float)(i / field.cols)), target = field.ptr<Point2f>()[i];
        const Point2f a = direction == FROM_1_TO_2 ? source : target, b = direction == FROM_1_TO_2 ? target : source;
        rows.at<float>(0, i) = cornerAligned(a.x, n[1], low);
        rows.at<float>(1, i) = cornerAligned(a.y, n[0], low);
        rows.at<float>(2, i) = cornerAligned(b.x, n[3], low);
        rows.at<float>(3, i) = cornerAligned(b.y, n[2], low);
        rows.at<float>(4, i) = best.ptr<float>()[i];
    }
    return rows;
}

static Mat normalizedCorrelation(const Golden& golden)
{
    Mat fa, fb, corr;
    normalizeFeatures(golden["fa"], fa);
    normalizeFeatures(golden["fb"], fb);
    correlate(fa, fb, corr);
    return corr;
}

typedef testing::TestWithParam<const char*> Semcorr_NcNet;

TEST_P(Semcorr_NcNet, published_values)
{
    const Golden golden(GetParam());
    Mat c = normalizedCorrelation(golden), asymmetric;
    EXPECT_TRUE(closeTo(c, golden["corr"]));
    mutualFilter(c, c);
    EXPECT_TRUE(closeTo(c, golden["mutual1"]));
    golden.net(SYMMETRY_NONE)->forward(c, asymmetric);
    EXPECT_TRUE(closeTo(asymmetric, golden["net_asymmetric"]));
    golden.net(SYMMETRY_NET)->forward(c, c);
    EXPECT_TRUE(closeTo(c, golden["net"]));
    mutualFilter(c, c);
    EXPECT_TRUE(closeTo(c, golden["mutual2"]));

    EXPECT_TRUE(closeTo(readOut(c, FROM_1_TO_2, false, -1), golden["AtoB_raw"]));
    EXPECT_TRUE(closeTo(readOut(c, FROM_1_TO_2, true, -1), golden["AtoB_softmax"]));
    EXPECT_TRUE(closeTo(readOut(c, FROM_2_TO_1, false, -1), golden["BtoA_raw"]));
    EXPECT_TRUE(closeTo(readOut(c, FROM_2_TO_1, true, -1), golden["BtoA_softmax"]));
}

INSTANTIATE_TEST_CASE_P(/**/, Semcorr_NcNet, testing::Values("nc_555", "nc_33", "nc_333"));

// Their points lie in [−1, 1], corner-aligned. With images of as many pixels as cells, a pixel is a cell.
TEST(Semcorr_Published, keypoint_transfer)
{
    const Golden golden("nc_333");
    Mat field, best, pointsA;
    bestMatches(golden["mutual2"], field, best, FROM_2_TO_1, true);
    const Size gridB = field.size(), gridA(6, 6);
    const Mat toCells = Mat_<float>({ 1, 2 }, { (gridB.width - 1) / 2.f, (gridB.height - 1) / 2.f });
    Mat pointsB = golden["points_B_norm"].t();
    pointsB = (pointsB + 1).mul(repeat(toCells, pointsB.rows, 1));
    transferPoints(field, gridB, gridA, gridA, pointsB, pointsA);
    Mat normalized = pointsA.reshape(1) * (2. / (gridA.width - 1)) - 1;
    EXPECT_TRUE(closeTo(normalized, golden["points_A_norm"].t()));
}

TEST(Semcorr_Published, relocalisation)
{
    const Golden golden("relocalisation");
    const int k = 2;
    Mat c, offsets;
    maxPool4d(normalizedCorrelation(golden), k, c, offsets);
    EXPECT_TRUE(closeTo(c, golden["pooled"]));
    EXPECT_TRUE(sameBits(offsets, golden["offsets"]));
    mutualFilter(c, c);
    golden.net(SYMMETRY_NET)->forward(c, c);
    mutualFilter(c, c);
    EXPECT_TRUE(closeTo(c, golden["out"]));

    const int fine[] = { c.size[1] * k, c.size[0] * k, c.size[3] * k, c.size[2] * k };  // sides for xA, yA, xB, yB
    const int row[] = { 6, 5, 8, 7 };                                                    // rows jA, iA, jB, iB
    for (int direction = FROM_1_TO_2; direction <= FROM_2_TO_1; direction++)
    {
        const Mat expected = golden[direction == FROM_1_TO_2 ? "AtoB" : "BtoA"];
        Mat field, best, matches;
        bestMatches(c, field, best, direction, true);
        relocalize(field, offsets, k, matches, direction);
        ASSERT_EQ(expected.cols, matches.rows);
        EXPECT_TRUE(closeTo(best.reshape(1, 1), expected.row(4)));
        for (int i = 0; i < matches.rows; i++)
            for (int d = 0; d < 4; d++)
            {
                const float cell = matches.at<Vec4f>(i)[d];
                ASSERT_EQ(expected.at<float>(row[d], i), cell) << direction << ", cell " << i << ", coordinate " << d;
                ASSERT_NEAR(expected.at<float>(d, i), cornerAligned(cell, fine[d], 0), 1e-5);
            }
    }
}

struct AncNet
{
    const char* name;
    int joinedBlock;
    NetPreset preset;
};

static void PrintTo(const AncNet& net, std::ostream* stream) { *stream << net.name; }

typedef testing::TestWithParam<AncNet> Semcorr_AncNet;

TEST_P(Semcorr_AncNet, published_values)
{
    const Golden golden(GetParam().name);
    Mat c = normalizedCorrelation(golden);
    mutualFilter(c, c);
    EXPECT_TRUE(closeTo(c, golden["mutual1"]));
    golden.net(SYMMETRY_BLOCK, GetParam().joinedBlock)->forward(c, c);
    EXPECT_TRUE(closeTo(c, golden["net"]));
    mutualFilter(c, c);
    EXPECT_TRUE(closeTo(c, golden["mutual2"]));
}

// The published weights fit the preset as they are.
TEST_P(Semcorr_AncNet, preset_has_the_published_layers)
{
    const Golden golden(GetParam().name);
    const Ptr<ConsensusNet> published = golden.net(SYMMETRY_BLOCK, GetParam().joinedBlock);
    const Ptr<ConsensusNet> preset = ConsensusNet::createPreset(GetParam().preset);
    ASSERT_EQ(published->getBlockCount(), preset->getBlockCount());
    std::vector<Mat> weights, biases;
    for (int i = 0; i < preset->getBlockCount(); i++)
    {
        published->getBlock(i, weights, biases);
        preset->setBlock(i, weights, biases);
    }
    Mat scores;
    preset->forward(golden["mutual1"], scores);
    EXPECT_TRUE(closeTo(scores, golden["net"]));
}

static const AncNet ancNets[] = { { "anc_A", 2, PRESET_ANCNET_A }, { "anc_B", -1, PRESET_ANCNET_B }, { "anc_C", -1, PRESET_ANCNET_C } };

INSTANTIATE_TEST_CASE_P(/**/, Semcorr_AncNet, testing::ValuesIn(ancNets));

}}
