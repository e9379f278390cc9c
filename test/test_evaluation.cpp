// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"

namespace opencv_test { namespace {

using namespace cv::semcorr;

Mat pointsOf(const std::vector<Point2f>& points)
{
    return column(points);
}

ImagePair pairOf(const std::string& id, const std::string& category, const std::vector<Point2f>& points2)
{
    ImagePair pair;
    pair.id = id;
    pair.category = category;
    pair.points1 = pair.points2 = pointsOf(points2);
    return pair;
}

// Ten keypoints in a picture of 200 x 100 pixels with an object of 100 x 60, predicted with these offsets. Thresholds at alpha 0.1
//   in pixels:          image 20,                 object 10,   keypoints 90 - 10 = 80: 8,      with padding 90 + 2 = 92: 9.2
//   in a 256 x 256 square, where an offset along x grows by 1.28 and one along y by 2.56:
//                       image 25.6, object max(128, 153.6): 15.36, keypoints max(102.4, 128): 12.8,
//                       with padding max(91 * 1.28, 61 * 2.56) + 1 = 157.16: 15.716
// Offsets in the square: 10.24, 17.92, 23.04, 24.32, 28.16, 13.44, 14.08, 14.4, 14.72, 15.52.
struct MadeSet
{
    std::vector<Point2f> truth = { { 10, 10 }, { 90, 60 }, { 20, 20 }, { 30, 30 }, { 40, 40 },
                                   { 50, 50 }, { 60, 20 }, { 70, 30 }, { 80, 40 }, { 25, 55 } };
    std::vector<Point2f> offsets = { { 8, 0 }, { 0, 7 }, { 0, 9 }, { 0, 9.5f }, { 0, 11 },
                                     { 10.5f, 0 }, { 11, 0 }, { 11.25f, 0 }, { 11.5f, 0 }, { 12.125f, 0 } };
    std::vector<ImagePair> pairs;
    std::vector<Mat> predicted;

    MadeSet()
    {
        std::vector<Point2f> moved = truth, twice = truth;
        for (size_t i = 0; i < truth.size(); i++)
        {
            moved[i] += offsets[i];
            twice[i] *= 2;
        }
        ImagePair pair = pairOf("made", "a", truth);
        pair.size2 = Size(200, 100);
        pair.box2 = Rect2d(3, 5, 100, 60);
        pair.points1 = pointsOf(twice);
        pair.size1 = Size(400, 500);
        pair.box1 = Rect2d(0, 0, 70, 92);
        pairs.push_back(pair);
        predicted.push_back(pointsOf(moved));
    }

    double pck(int reference, int flags) const { return computePCK(pairs, predicted, { 0.1 }, reference, flags).overall[0]; }
};

TEST(Semcorr_PCK, conventions_differ_as_worked_out_by_hand)
{
    const MadeSet set;
    EXPECT_EQ(1.0, set.pck(REF_IMAGE, 0));
    EXPECT_EQ(0.4, set.pck(REF_OBJECT_BOX, 0));                      // offsets of 8, 7, 9 and 9.5
    EXPECT_EQ(0.2, set.pck(REF_KEYPOINT_BOX, 0));                    // 8, exactly the threshold, and 7
    EXPECT_EQ(0.3, set.pck(REF_PADDED_BOX, 0));                      // 8, 7 and 9
    EXPECT_EQ(0.9, set.pck(REF_IMAGE, PCK_LEGACY_SQUARE));           // all but 28.16
    EXPECT_EQ(0.5, set.pck(REF_OBJECT_BOX, PCK_LEGACY_SQUARE));      // 10.24, 13.44, 14.08, 14.4 and 14.72
    EXPECT_EQ(0.1, set.pck(REF_KEYPOINT_BOX, PCK_LEGACY_SQUARE));    // 10.24
    EXPECT_EQ(0.6, set.pck(REF_PADDED_BOX, PCK_LEGACY_SQUARE));      // 15.52 besides
}

// Two points 45 apart, 50 with padding, which is at -2; in the square 256 * 49 / 64 + 1 = 197
TEST(Semcorr_PCK, padding_is_at_minus_one_of_pixels_that_count_from_one)
{
    const double alpha = 0.1;
    for (const Point2f& axis : { Point2f(1, 0), Point2f(0, 1) })
    {
        const auto isCorrect = [&](double distance, int flags) {
            std::vector<ImagePair> pairs(1, pairOf("", "", { axis * 3, axis * 48 }));
            pairs[0].size2 = Size(64, 64);
            const Mat predicted = pointsOf({ axis * 3, axis * (48 + distance) });
            return computePCK(pairs, predicted, { alpha }, REF_PADDED_BOX, flags).overall[0] == 1;
        };
        EXPECT_TRUE(isCorrect(alpha * 49.99, 0));
        EXPECT_FALSE(isCorrect(alpha * 50.01, 0));
        EXPECT_TRUE(isCorrect(alpha * 196.9 / 4, PCK_LEGACY_SQUARE));
        EXPECT_FALSE(isCorrect(alpha * 197.1 / 4, PCK_LEGACY_SQUARE));
    }
}

// Image 1 of the made set has its keypoints at twice the coordinates: box 160 wide, 162 with padding.
TEST(Semcorr_PCK, other_direction_uses_points_and_lengths_of_image_1)
{
    MadeSet set;
    set.predicted[0] = set.pairs[0].points1 + (set.predicted[0] - set.pairs[0].points2);
    EXPECT_EQ(1.0, set.pck(REF_IMAGE, PCK_2_TO_1));         // 50
    EXPECT_EQ(0.3, set.pck(REF_OBJECT_BOX, PCK_2_TO_1));    // 9.2
    EXPECT_EQ(1.0, set.pck(REF_KEYPOINT_BOX, PCK_2_TO_1));  // 16
    EXPECT_EQ(0.0, set.pck(REF_KEYPOINT_BOX, 0));           // far from points2
    // in the square, offsets times 0.64 along x and 0.512 along y, object max(44.8, 47.104): 4.7104, which 7 and 9 along y meet
    EXPECT_EQ(0.2, set.pck(REF_OBJECT_BOX, PCK_2_TO_1 | PCK_LEGACY_SQUARE));
}

// Three pairs: 2 of 10 points correct in category a; 1 of 2 and 1 of 1 in category b
TEST(Semcorr_PCK, per_image_and_per_point_by_category)
{
    MadeSet set;
    set.pairs.push_back(pairOf("two", "b", { { 0, 0 }, { 50, 50 } }));
    set.predicted.push_back(pointsOf({ { 1, 1 }, { 50, 56 } }));  // threshold 5
    set.pairs.push_back(pairOf("one", "b", { { 7, 7 } }));
    set.predicted.push_back(pointsOf({ { 7, 7 } }));               // the box of one point is empty: only a perfect match counts
    const PCKResult image = computePCK(set.pairs, set.predicted, { 0.1, 10 });
    EXPECT_EQ(std::vector<String>({ "a", "b" }), image.categories);
    EXPECT_EQ(std::vector<int>({ 1, 2 }), image.categoryPairs);
    EXPECT_EQ(std::vector<int>({ 0, 1, 1 }), image.pairCategories);
    EXPECT_EQ(std::vector<String>({ "made", "two", "one" }), image.ids);
    EXPECT_TRUE(sameBits(image.perCategory, (Mat_<double>(2, 2) << 0.2, 1, 0.75, 1)));
    EXPECT_TRUE(sameBits(image.perPair, (Mat_<double>(3, 2) << 0.2, 1, 0.5, 1, 1, 1)));
    EXPECT_TRUE(sameBits(image.points, (Mat_<int>(3, 1) << 10, 2, 1)));
    EXPECT_TRUE(sameBits(image.correct, (Mat_<int>(3, 2) << 2, 10, 1, 2, 1, 1)));
    EXPECT_DOUBLE_EQ((0.2 + 0.75) / 2, image.mean[0]);
    EXPECT_DOUBLE_EQ((0.2 + 0.5 + 1) / 3, image.overall[0]);
    EXPECT_EQ(1, image.overall[1]);

    const PCKResult point = computePCK(set.pairs, set.predicted, { 0.1 }, REF_KEYPOINT_BOX, PCK_PER_POINT);
    EXPECT_TRUE(sameBits(point.perCategory, (Mat_<double>(2, 1) << 0.2, 2. / 3)));
    EXPECT_DOUBLE_EQ((0.2 + 2. / 3) / 2, point.mean[0]);
    EXPECT_DOUBLE_EQ(4. / 13, point.overall[0]);
    EXPECT_EQ((int)PCK_PER_POINT, point.flags);
    EXPECT_EQ((int)REF_KEYPOINT_BOX, point.reference);
}

// Shares 1, 0.5, 0 and 0.25 of 4 points, with levels that overlap
TEST(Semcorr_PCK, by_nuisance_and_level)
{
    std::vector<ImagePair> pairs;
    for (int i = 0; i < 4; i++)
        pairs.push_back(pairOf(format("%d", i), "", { { 0, 0 } }));
    const int viewpoints[] = { 2, 0, 2, -1 }, truncations[] = { 3, 3, 0, 3 };
    for (int i = 0; i < 4; i++)
    {
        pairs[i].viewpoint = viewpoints[i];
        pairs[i].truncation = truncations[i];
    }
    const Mat points = (Mat_<int>(4, 1) << 4, 4, 4, 4), correct = (Mat_<int>(4, 1) << 4, 2, 0, 1);
    const PCKResult result = summarizePCK(pairs, points, correct, { 0.1 });
    EXPECT_EQ(std::vector<String>({ "viewpoint", "viewpoint", "truncation", "truncation" }), result.nuisances);
    EXPECT_EQ(std::vector<int>({ 0, 2, 0, 3 }), result.nuisanceLevels);
    EXPECT_EQ(std::vector<int>({ 1, 2, 1, 3 }), result.nuisancePairs);
    EXPECT_TRUE(sameBits(result.perNuisance, (Mat_<double>(4, 1) << 0.5, 0.5, 0, (1 + 0.5 + 0.25) / 3)));
    EXPECT_EQ(result.mean, result.overall);
    EXPECT_TRUE(sameBits(result.pairLevels.col(0), (Mat_<int>(4, 1) << 2, 0, 2, -1)));
}

struct RandomSet
{
    std::vector<ImagePair> pairs;
    std::vector<Mat> predicted;

    explicit RandomSet(int count, int categories = 3)
    {
        for (int i = 0; i < count; i++)
        {
            ImagePair pair;
            pair.id = format("pair %d", i);
            pair.category = format("class %d", theRNG().uniform(0, categories));
            pair.viewpoint = theRNG().uniform(-1, 3);
            const int n = theRNG().uniform(1, 20);
            pair.points1 = randomFloats({ n, 2 }, 0, 300).reshape(2, n);
            pair.points2 = randomFloats({ n, 2 }, 0, 300).reshape(2, n);
            pair.size1 = Size(randomSide(400), randomSide(400));
            pair.size2 = Size(randomSide(400), randomSide(400));
            pair.box1 = Rect2d(1, 2, 1 + randomSide(200), randomSide(200));
            pair.box2 = Rect2d(1, 2, randomSide(200), 1 + randomSide(200));
            pairs.push_back(pair);
            predicted.push_back(pair.points2 + randomFloats({ n, 2 }, -60, 60).reshape(2, n));
        }
    }
};

// Written anew, and all layouts and depths of predictions
TEST(Semcorr_PCK, random_sets_against_a_plain_loop)
{
    const RandomSet set(40);
    const std::vector<double> alphas = { 0.05, 0.1, 0.2 };
    std::vector<Mat> layouts[3];
    for (const Mat& p : set.predicted)
    {
        Mat wide, doubles;
        p.reshape(1).convertTo(doubles, CV_64F);
        hconcat(doubles, doubles, wide);
        layouts[0].push_back(p);
        layouts[1].push_back(doubles);
        layouts[2].push_back(wide.colRange(0, 2));  // not continuous
    }
    for (int layout = 0; layout < 3; layout++)
    {
        const PCKResult result = computePCK(set.pairs, layouts[layout], alphas);
        for (int i = 0; i < 40; i++)
            for (int a = 0; a < 3; a++)
            {
                const Mat truth = set.pairs[i].points2;
                Point2f low(1e9f, 1e9f), high(-1e9f, -1e9f);
                for (int k = 0; k < truth.rows; k++)
                {
                    const Point2f q = truth.at<Point2f>(k);
                    low.x = std::min(low.x, q.x);
                    low.y = std::min(low.y, q.y);
                    high.x = std::max(high.x, q.x);
                    high.y = std::max(high.y, q.y);
                }
                const double length = std::max((double)high.x - low.x, (double)high.y - low.y);
                int correct = 0;
                for (int k = 0; k < truth.rows; k++)
                {
                    const Point2d d = Point2d(set.predicted[i].at<Point2f>(k)) - Point2d(truth.at<Point2f>(k));
                    correct += std::sqrt(d.x * d.x + d.y * d.y) <= alphas[a] * length;
                }
                EXPECT_EQ(correct, result.correct.at<int>(i, a));
            }
    }
}

TEST(Semcorr_PCK, takes_vectors_of_points_and_a_single_array)
{
    const std::vector<ImagePair> pairs(1, pairOf("", "", { { 0, 0 }, { 10, 0 } }));
    const std::vector<std::vector<Point2f> > vectors = { { { 0, 0 }, { 10, 2 } } };
    EXPECT_EQ(0.5, computePCK(pairs, vectors, { 0.1 }).overall[0]);
    EXPECT_EQ(0.5, computePCK(pairs, pointsOf(vectors[0]), { 0.1 }).overall[0]);
}

TEST(Semcorr_PCK, summary_of_counts_is_the_same)
{
    const RandomSet set(30);
    const PCKResult result = computePCK(set.pairs, set.predicted, { 0.1, 0.3 }, REF_OBJECT_BOX, PCK_PER_POINT);
    const PCKResult again = summarizePCK(set.pairs, result.points, result.correct, result.alphas, result.reference, result.flags);
    EXPECT_EQ(result.mean, again.mean);
    EXPECT_EQ(result.overall, again.overall);
    EXPECT_TRUE(sameBits(result.perCategory, again.perCategory));
    EXPECT_TRUE(sameBits(result.perNuisance, again.perNuisance));
    EXPECT_TRUE(sameBits(result.perPair, again.perPair));
}

TEST(Semcorr_PCK, errors_say_what_is_wrong)
{
    const MadeSet set;
    const std::vector<double> alphas = { 0.1 };
    const auto with = [&](const std::function<void(ImagePair&)>& change) {
        std::vector<ImagePair> pairs = set.pairs;
        change(pairs[0]);
        return pairs;
    };
    EXPECT_ERROR(computePCK(set.pairs, set.predicted, {}), "alphas is empty");
    EXPECT_ERROR(computePCK(set.pairs, set.predicted, { 0.1, -1 }), "alphas[1] is -1");
    EXPECT_ERROR(computePCK(set.pairs, set.predicted, { NAN }), "alphas[0] is");
    EXPECT_ERROR(computePCK(set.pairs, set.predicted, alphas, 4), "reference is 4, expected REF_IMAGE");
    EXPECT_ERROR(computePCK(set.pairs, set.predicted, alphas, REF_IMAGE, 8), "flags is 8, expected a sum");
    EXPECT_ERROR(computePCK(set.pairs, std::vector<Mat>(2, set.predicted[0]), alphas), "predicted has 2 arrays, expected 1");
    EXPECT_ERROR(computePCK(std::vector<ImagePair>(), std::vector<Mat>(), alphas), "pairs is empty");
    EXPECT_ERROR(computePCK(set.pairs, std::vector<Mat>(1, set.predicted[0].rowRange(0, 3)), alphas),
                 "predicted[0] has 3 points, expected 10 as pairs[0] (\"made\")");
    EXPECT_ERROR(computePCK(set.pairs, std::vector<Mat>(1, set.predicted[0] * INFINITY), alphas), "not finite");
    EXPECT_ERROR(computePCK(set.pairs, std::vector<Mat>(1), alphas), "predicted[0] is");
    EXPECT_ERROR(computePCK(with([](ImagePair& p) { p.size2 = Size(); }), set.predicted, alphas, REF_IMAGE), "size2 is empty");
    EXPECT_ERROR(computePCK(with([](ImagePair& p) { p.size1 = Size(); }), set.predicted, alphas, REF_OBJECT_BOX,
                            PCK_2_TO_1 | PCK_LEGACY_SQUARE), "size1 is empty");
    EXPECT_ERROR(computePCK(with([](ImagePair& p) { p.box2 = Rect2d(); }), set.predicted, alphas, REF_OBJECT_BOX),
                 "box2 is empty");
    EXPECT_ERROR(computePCK(with([](ImagePair& p) { p.points2 = Mat(); }), set.predicted, alphas), "pairs[0].points2 is");
    const Mat points = (Mat_<int>(1, 1) << 2), correct = (Mat_<int>(1, 1) << 1);
    EXPECT_ERROR(summarizePCK(set.pairs, points, correct * 3, alphas), "pair 0 has 3 of 2 points correct");
    EXPECT_ERROR(summarizePCK(set.pairs, points * 0, correct * 0, alphas), "pair 0 has 0 of 0 points correct");
    EXPECT_ERROR(summarizePCK(set.pairs, points, Mat_<float>(correct), alphas), "correct is 1x1 of type CV_32FC1, expected 1x1");
    EXPECT_ERROR(summarizePCK(std::vector<ImagePair>(2, set.pairs[0]), Mat::ones(2, 1, CV_32S), Mat::ones(2, 1, CV_32S), alphas),
                 "two pairs have the id \"made\"");
}

// Corner-aligned: 10 cells over 100 pixels lie at 0, 11, ... 99; centred ones at 4.5, 14.5, ... 94.5
TEST(Semcorr_CornerAligned, cells_meet)
{
    Mat there, back;
    const Mat points = pointsOf({ { 0, 0 }, { 99, 49 }, { 11, 7 }, { 49.5f, 24.5f } });
    fromCornerAligned(points, there, Size(100, 50), Size(10, 8));
    EXPECT_TRUE(closeTo(there, pointsOf({ { 4.5f, 2.625f }, { 94.5f, 46.375f }, { 14.5f, 8.875f }, { 49.5f, 24.5f } })));
    toCornerAligned(there, back, Size(100, 50), Size(10, 8));
    EXPECT_TRUE(closeTo(back, points));
    EXPECT_ERROR(fromCornerAligned(points, there, Size(100, 50), Size(10, 1)), "grid 10 x 1, expected sides of at least 2");
    EXPECT_ERROR(toCornerAligned(Mat(), there, Size(100, 50), Size(10, 10)), "points is");
}

}}
