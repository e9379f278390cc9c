// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"

namespace opencv_test { namespace {

using namespace semcorr;

TEST(Semcorr_BestMatches, is_the_definition)
{
    for (int i = 0; i < 60; i++)
    {
        Mat scores = randomFloats({ randomSide(8), randomSide(8), randomSide(8), randomSide(8) }, -3, 3);
        if (i % 2)  // whole numbers: many ties
            for (size_t j = 0; j < scores.total(); j++)
                scores.ptr<float>()[j] = (float)cvRound(scores.ptr<float>()[j]);
        const int direction = i / 2 % 2;
        SCOPED_TRACE(shapeText(scores) + (direction == FROM_1_TO_2 ? ", FROM_1_TO_2" : ", FROM_2_TO_1"));
        const Mat seen = direction == FROM_1_TO_2 ? scores : swapGrids(scores);
        const int h1 = seen.size[0], w1 = seen.size[1], w2 = seen.size[3], targets = seen.size[2] * w2;
        Mat field, best, sameField, probability;
        bestMatches(scores, field, best, direction);
        bestMatches(scores, sameField, probability, direction, true);
        ASSERT_EQ(CV_32FC2, field.type());
        ASSERT_EQ(Size(w1, h1), field.size());
        EXPECT_TRUE(sameBits(sameField, field));
        for (int p = 0; p < h1 * w1; p++)
        {
            const float* row = seen.ptr<float>() + p * targets;
            const int q = (int)(std::max_element(row, row + targets) - row);  // the first of equal ones
            double sum = 0;
            for (int j = 0; j < targets; j++)
                sum += std::exp((double)row[j] - row[q]);
            ASSERT_EQ(Point2f((float)(q % w2), (float)(q / w2)), field.ptr<Point2f>()[p]) << p;
            ASSERT_EQ(row[q], best.ptr<float>()[p]) << p;
            ASSERT_NEAR(1 / sum, probability.ptr<float>()[p], 1e-6) << p;
        }
    }
}

TEST(Semcorr_BestMatches, equal_scores_give_the_first_cell)
{
    const int shape[] = { 3, 2, 4, 5 };
    const Mat scores(4, shape, CV_32F, Scalar(-2));
    for (int direction = FROM_1_TO_2; direction <= FROM_2_TO_1; direction++)
    {
        Mat field, best;
        bestMatches(scores, field, best, direction);
        EXPECT_EQ(0, cvtest::norm(field, NORM_INF));
        EXPECT_EQ(0, cvtest::norm(best, Mat(best.size(), CV_32F, Scalar(-2)), NORM_INF));
    }
}

TEST(Semcorr_BestMatches, softmax_of_large_scores_is_finite)
{
    const int shape[] = { 1, 1, 1, 3 };
    Mat scores(4, shape, CV_32F, Scalar(1e4)), field, best;
    scores.ptr<float>()[2] = -1e4f;
    bestMatches(scores, field, best, FROM_1_TO_2, true);
    EXPECT_NEAR(0.5, best.at<float>(0), 1e-6);
}

TEST(Semcorr_BestMatches, takes_slices_and_writes_into_regions)
{
    const Mat whole = randomFloats({ 5, 6, 4, 7 });
    const Range part[] = { Range(1, 5), Range(2, 5), Range(0, 3), Range(1, 6) };
    for (int direction = FROM_1_TO_2; direction <= FROM_2_TO_1; direction++)
    {
        Mat field, best, frame(9, 9, CV_32FC2, Scalar::all(-7));
        bestMatches(whole(part).clone(), field, best, direction);
        Mat region = frame(Rect(Point(2, 1), field.size()));
        bestMatches(whole(part), region, noArray(), direction);
        EXPECT_TRUE(sameBits(frame(Rect(Point(2, 1), field.size())), field));
        EXPECT_EQ(-7.f, frame.at<Point2f>(0, 0).x);
    }
}

TEST(Semcorr_BestMatches, bad_input)
{
    Mat field, best;
    const Mat scores = randomFloats({ 2, 3, 4, 5 });
    EXPECT_ERROR(bestMatches(Mat(), field, best), "scores is empty");
    EXPECT_ERROR(bestMatches(randomFloats({ 2, 3, 4 }), field, best), "scores is 2x3x4");
    EXPECT_ERROR(bestMatches(Mat(4, scores.size.p, CV_64F, Scalar(0)), field, best), "CV_64F");
    EXPECT_ERROR(bestMatches(scores, field, best, 2), "direction is 2");
    EXPECT_ERROR(bestMatches(scores, field, best, -1), "direction is -1");
}

}}
