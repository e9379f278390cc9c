// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"

namespace opencv_test { namespace {

using namespace cv::semcorr;

// Pairs of 20 points each, of which as many are correct as `correct` says (PxA); category i % categories
PCKResult resultOf(const Mat& correct, int categories = 1, int flags = 0)
{
    std::vector<ImagePair> pairs(correct.rows);
    for (int i = 0; i < correct.rows; i++)
    {
        pairs[i].id = format("%d", i);
        pairs[i].category = format("class %d", i % categories);
        pairs[i].scale = i % 2;
    }
    return summarizePCK(pairs, Mat(correct.rows, 1, CV_32S, Scalar(20)), correct, std::vector<double>(correct.cols, 0.1),
                        REF_KEYPOINT_BOX, flags);
}

Mat randomCounts(int pairs, int alphas = 1)
{
    Mat counts(pairs, alphas, CV_32S);
    theRNG().fill(counts, RNG::UNIFORM, 0, 21);
    return counts;
}

double width(const Mat& interval, int row = 0, int col = 0)
{
    return interval.at<Vec2d>(row, col)[1] - interval.at<Vec2d>(row, col)[0];
}

// The mean of n independent shares of variance v has a standard error of sqrt(v / n).
TEST(Semcorr_BootstrapPCK, width_is_that_of_the_normal_distribution)
{
    Mat correct(400, 1, CV_32S);
    for (int i = 0; i < correct.rows; i++)
        correct.at<int>(i) = i % 2 * 20;  // shares 0 and 1: variance 1/4
    const PCKResult result = resultOf(correct);
    const PCKIntervals at95 = bootstrapPCK(result, 4000), at50 = bootstrapPCK(result, 4000, 0.5);
    EXPECT_NEAR(2 * 1.960 * 0.025, width(at95.overall), 0.004);
    EXPECT_NEAR(2 * 0.6745 * 0.025, width(at50.overall), 0.004);
    EXPECT_NEAR(0.5 - 1.960 * 0.025, at95.overall.at<Vec2d>(0)[0], 0.004);
    // one category: the mean over categories and its category are drawn in the same way
    EXPECT_NEAR(width(at95.overall), width(at95.mean), 0.006);
    EXPECT_TRUE(sameBits(at95.mean, at95.perCategory));
    EXPECT_TRUE(sameBits(at95.perNuisance, (Mat_<Vec2d>(2, 1) << Vec2d(0, 0), Vec2d(1, 1))));  // level i % 2 has equal pairs
}

// The mean of two categories, one of which does not vary, varies half as much as the other.
TEST(Semcorr_BootstrapPCK, categories_are_drawn_one_by_one)
{
    Mat correct(800, 1, CV_32S, Scalar(20));
    for (int i = 0; i < correct.rows; i += 2)
        correct.at<int>(i) = i % 4 * 10;
    const PCKIntervals intervals = bootstrapPCK(resultOf(correct, 2), 4000);
    EXPECT_EQ(0, width(intervals.perCategory, 1));
    EXPECT_NEAR(2 * 1.960 * 0.025, width(intervals.perCategory, 0), 0.004);
    EXPECT_NEAR(1.960 * 0.025, width(intervals.mean), 0.002);
}

TEST(Semcorr_BootstrapPCK, shapes_seed_and_order_of_ends)
{
    const PCKResult result = resultOf(randomCounts(30, 3), 4);
    const PCKIntervals one = bootstrapPCK(result, 200, 0.9, 5), same = bootstrapPCK(result, 200, 0.9, 5),
                       other = bootstrapPCK(result, 200, 0.9, 6);
    EXPECT_EQ("3x1 CV_64FC2", shapeText(one.mean));
    EXPECT_EQ("3x1 CV_64FC2", shapeText(one.overall));
    EXPECT_EQ("4x3 CV_64FC2", shapeText(one.perCategory));
    EXPECT_EQ("2x3 CV_64FC2", shapeText(one.perNuisance));
    EXPECT_TRUE(sameBits(one.perCategory, same.perCategory));
    EXPECT_TRUE(sameBits(one.mean, same.mean));
    EXPECT_FALSE(sameBits(one.mean, other.mean));
    for (int a = 0; a < 3; a++)
    {
        EXPECT_LT(one.mean.at<Vec2d>(a)[0], result.mean[a]);
        EXPECT_GT(one.mean.at<Vec2d>(a)[1], result.mean[a]);
        EXPECT_LT(one.overall.at<Vec2d>(a)[0], result.overall[a]);
        EXPECT_GT(one.overall.at<Vec2d>(a)[1], result.overall[a]);
    }
}

// Two pairs: 20 points all correct, 1 point not. Draws give 0, 20/21 or 1 per point, 0, 1/2 or 1 per image.
TEST(Semcorr_BootstrapPCK, per_point_weighs_pairs_by_their_points)
{
    std::vector<ImagePair> pairs(2);
    pairs[0].id = "many";
    pairs[1].id = "one";
    const Mat points = (Mat_<int>(2, 1) << 20, 1), correct = (Mat_<int>(2, 1) << 20, 0);
    const PCKResult image = summarizePCK(pairs, points, correct, { 0.1 }),
                    point = summarizePCK(pairs, points, correct, { 0.1 }, REF_IMAGE, PCK_PER_POINT);
    // 40 % in the middle of 1/4, 1/2, 1/4
    EXPECT_EQ(Vec2d(0.5, 0.5), bootstrapPCK(image, 1000, 0.4).overall.at<Vec2d>(0));
    EXPECT_EQ(Vec2d(20. / 21, 20. / 21), bootstrapPCK(point, 1000, 0.4).overall.at<Vec2d>(0));
}

TEST(Semcorr_ComparePCK, equal_results)
{
    const PCKResult result = resultOf(randomCounts(25, 2), 3);
    const PCKComparison c = comparePCK(result, result);
    EXPECT_EQ(25, c.pairs);
    EXPECT_EQ(std::vector<double>(2, 0), c.mean);
    EXPECT_EQ(std::vector<double>(2, 1), c.meanP);
    EXPECT_EQ(std::vector<double>(2, 1), c.overallP);
    EXPECT_EQ(std::vector<int>(2, 0), c.better);
    EXPECT_EQ(std::vector<int>(2, 0), c.worse);
    EXPECT_EQ(0, cv::norm(c.meanInterval));
}

// One point more in each pair: every draw has the same difference, however much pairs vary among themselves.
TEST(Semcorr_ComparePCK, draws_are_paired)
{
    const Mat counts = randomCounts(50) * 0.9;
    const PCKComparison c = comparePCK(resultOf(counts, 3), resultOf(counts + 1, 3), 500);
    EXPECT_NEAR(0.05, c.mean[0], 1e-12);
    EXPECT_NEAR(0.05, c.overall[0], 1e-12);
    EXPECT_LT(width(c.meanInterval), 1e-12);
    EXPECT_LT(width(c.overallInterval), 1e-12);
    EXPECT_DOUBLE_EQ(2. / 500, c.meanP[0]);
    EXPECT_EQ(std::vector<int>(1, 50), c.better);
    EXPECT_EQ(std::vector<int>(1, 0), c.worse);
}

// 400 pairs of which 220 are better by all points and 180 worse: difference 0.1, standard error sqrt(0.99 / 400), 2.01 of them
TEST(Semcorr_ComparePCK, p_value_is_that_of_the_normal_distribution)
{
    Mat one(400, 1, CV_32S), two(400, 1, CV_32S);
    for (int i = 0; i < one.rows; i++)
    {
        one.at<int>(i) = i < 220 ? 0 : 20;
        two.at<int>(i) = 20 - one.at<int>(i);
    }
    const PCKComparison c = comparePCK(resultOf(one), resultOf(two), 20000);
    EXPECT_NEAR(0.1, c.overall[0], 1e-12);
    EXPECT_NEAR(2 * 1.960 * 0.04975, width(c.overallInterval), 0.008);
    EXPECT_NEAR(0.0444, c.overallP[0], 0.008);
    EXPECT_EQ(std::vector<int>(1, 220), c.better);
    EXPECT_EQ(std::vector<int>(1, 180), c.worse);
    EXPECT_NEAR(c.overallP[0], comparePCK(resultOf(two), resultOf(one), 20000).overallP[0], 1e-12);
}

TEST(Semcorr_ComparePCK, pairs_are_found_by_their_ids)
{
    std::vector<ImagePair> forward(3), backward(3);
    for (int i = 0; i < 3; i++)
    {
        forward[i].id = format("%d", i);
        backward[i].id = format("%d", 3 - i);
    }
    const Mat points = (Mat_<int>(3, 1) << 5, 5, 5);
    const PCKResult one = summarizePCK(forward, points, Mat((Mat_<int>(3, 1) << 1, 2, 3)), { 0.1 });   // ids 0, 1, 2
    const PCKResult two = summarizePCK(backward, points, Mat((Mat_<int>(3, 1) << 5, 4, 3)), { 0.1 });  // ids 3, 2, 1
    const PCKComparison c = comparePCK(one, two);
    EXPECT_EQ(2, c.pairs);
    EXPECT_NEAR((4 + 3) / 10. - (2 + 3) / 10., c.overall[0], 1e-12);
    EXPECT_EQ(2, c.better[0]);
    EXPECT_EQ(0, c.worse[0]);
}

TEST(Semcorr_ComparePCK, errors_say_what_is_wrong)
{
    const Mat counts = randomCounts(4);
    const PCKResult result = resultOf(counts);
    PCKResult other = result;
    other.alphas[0] = 0.2;
    EXPECT_ERROR(comparePCK(result, other), "expected one convention");
    EXPECT_ERROR(comparePCK(result, resultOf(counts, 1, PCK_PER_POINT)), "flags (0 and 1) differ");
    EXPECT_ERROR(comparePCK(result, resultOf(counts, 2)), "the categories of the pairs differ");
    other = result;
    other.ids = { "a", "b", "c", "d" };
    EXPECT_ERROR(comparePCK(result, other), "no pair is in both results");
    other = result;
    other.points = Mat(result.points + 1);
    EXPECT_ERROR(comparePCK(result, other), "pair \"0\" has 20 points in result1 and 21 in result2");
    EXPECT_ERROR(comparePCK(result, PCKResult()), "alphas is empty");
    EXPECT_ERROR(bootstrapPCK(result, 9), "resamples is 9, expected a value in [10, 1000000]");
    EXPECT_ERROR(bootstrapPCK(result, 100, 1), "confidence is 1");
    EXPECT_ERROR(bootstrapPCK(result, 100, NAN), "confidence is");
    other = result;
    other.pairCategories[2] = 1;
    EXPECT_ERROR(bootstrapPCK(other), "result: a pair has category 1, expected one of 1");
    other = result;
    other.pairCategories.pop_back();
    EXPECT_ERROR(bootstrapPCK(other), "result: pairCategories has 3 values, expected 4");
    other = result;
    other.correct = result.correct.rowRange(0, 3);
    EXPECT_ERROR(bootstrapPCK(other), "result: correct is 3x1 of type CV_32SC1, expected 4x1");
    other = result;
    other.pairLevels = Mat();
    EXPECT_ERROR(bootstrapPCK(other), "result: pairLevels is");
    other = result;
    other.ids[1] = "0";
    EXPECT_ERROR(bootstrapPCK(other), "result: two pairs have the id \"0\"");
}

}}
