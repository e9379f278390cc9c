// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"

namespace opencv_test { namespace {

using namespace semcorr;

TEST(Semcorr_MaxPool4d, is_the_largest_of_each_box)
{
    for (int i = 0; i < 40; i++)
    {
        const int k = theRNG().uniform(1, 5);
        const int n[] = { randomSide(4), randomSide(4), randomSide(4), randomSide(4) };
        Mat corr = randomFloats({ n[0] * k, n[1] * k, n[2] * k, n[3] * k });
        if (i % 2)  // whole numbers: many ties
            for (size_t j = 0; j < corr.total(); j++)
                corr.ptr<float>()[j] = (float)cvRound(corr.ptr<float>()[j] * 2);
        SCOPED_TRACE(format("k = %d, ", k) + shapeText(corr));
        Mat dst, offsets;
        maxPool4d(corr, k, dst, offsets);
        const int pooled[] = { 4, n[0], n[1], n[2], n[3] };
        ASSERT_EQ(shapeText(Mat(4, pooled + 1, CV_32F)), shapeText(dst));
        ASSERT_EQ(shapeText(Mat(5, pooled, CV_32S)), shapeText(offsets));
        const int total = (int)dst.total();
        for (int j = 0; j < total; j++)
        {
            const int cell[] = { j / (n[1] * n[2] * n[3]), j / (n[2] * n[3]) % n[1], j / n[3] % n[2], j % n[3] };
            float best = -FLT_MAX;
            int where = -1;
            for (int t = 0; t < k * k * k * k; t++)
            {
                const int at[] = { cell[0] * k + t / (k * k * k), cell[1] * k + t / (k * k) % k, cell[2] * k + t / k % k, cell[3] * k + t % k };
                if (corr.at<float>(at) > best)
                {
                    best = corr.at<float>(at);
                    where = t;
                }
            }
            ASSERT_EQ(best, dst.ptr<float>()[j]) << j;
            const int* o = offsets.ptr<int>() + j;
            ASSERT_EQ(where, ((o[0] * k + o[total]) * k + o[2 * total]) * k + o[3 * total]) << j;
        }
    }
}

TEST(Semcorr_MaxPool4d, takes_slices_and_works_in_place)
{
    const Mat whole = randomFloats({ 6, 8, 5, 7 });
    const Range part[] = { Range(1, 5), Range(2, 8), Range(0, 4), Range(3, 7) };
    Mat dst, offsets, expected, expectedOffsets;
    maxPool4d(whole(part).clone(), 2, expected, expectedOffsets);
    maxPool4d(whole(part), 2, dst, offsets);
    EXPECT_TRUE(sameBits(dst, expected));
    EXPECT_TRUE(sameBits(offsets, expectedOffsets));
    Mat same = whole(part).clone();
    maxPool4d(same, 2, same, offsets);
    EXPECT_TRUE(sameBits(same, expected));
}

// In a fine correlation with one peak per coarse cell, relocalize finds the fine cells again.
TEST(Semcorr_MaxPool4d, relocalize_returns_to_fine_cells)
{
    const int k = 3, shape[] = { 2 * k, 4 * k, 3 * k, 2 * k };
    Mat corr(4, shape, CV_32F, Scalar(0));
    std::vector<Vec4f> expected;
    for (int y = 0; y < 2; y++)
        for (int x = 0; x < 4; x++)
        {
            const int at[] = { y * k + theRNG().uniform(0, k), x * k + theRNG().uniform(0, k), theRNG().uniform(0, 3 * k),
                               theRNG().uniform(0, 2 * k) };
            corr.at<float>(at) = 1;
            expected.push_back(Vec4f((float)at[1], (float)at[0], (float)at[3], (float)at[2]));
        }
    Mat pooled, offsets, field, best, matches;
    maxPool4d(corr, k, pooled, offsets);
    bestMatches(pooled, field, best);
    relocalize(field, offsets, k, matches);
    EXPECT_TRUE(sameBits(matches, column(expected)));

    // the other direction is the same problem with the two images swapped
    Mat swapped;
    maxPool4d(swapGrids(corr), k, pooled, offsets);
    bestMatches(pooled, field, best, FROM_2_TO_1);
    relocalize(field, offsets, k, swapped, FROM_2_TO_1);
    const int order[] = { 2, 0, 3, 1, 0, 2, 1, 3 };
    Mat reordered(swapped.size(), CV_32FC4);
    mixChannels(&swapped, 1, &reordered, 1, order, 4);
    EXPECT_TRUE(sameBits(reordered, matches));
}

TEST(Semcorr_MaxPool4d, bad_input)
{
    Mat dst, offsets;
    const Mat corr = randomFloats({ 4, 6, 2, 8 });
    EXPECT_ERROR(maxPool4d(Mat(), 2, dst, offsets), "corr is empty");
    EXPECT_ERROR(maxPool4d(corr.reshape(1, 4), 2, dst, offsets), "corr is 4x96");
    EXPECT_ERROR(maxPool4d(corr, 0, dst, offsets), "k is 0");
    EXPECT_ERROR(maxPool4d(corr, -2, dst, offsets), "k is -2");
    EXPECT_ERROR(maxPool4d(corr, 3, dst, offsets), "k = 3");
    EXPECT_ERROR(maxPool4d(corr, INT_MAX, dst, offsets), "4x6x2x8");
}

TEST(Semcorr_MaxPool4d, relocalize_bad_input)
{
    Mat pooled, offsets, field, best, matches;
    maxPool4d(randomFloats({ 4, 6, 2, 8 }), 2, pooled, offsets);
    bestMatches(pooled, field, best);
    EXPECT_ERROR(relocalize(Mat(), offsets, 2, matches), "field is empty");
    EXPECT_ERROR(relocalize(field, Mat(), 2, matches), "offsets is empty");
    EXPECT_ERROR(relocalize(field, pooled, 2, matches), "offsets is 2x3x1x4");
    EXPECT_ERROR(relocalize(field, offsets, 0, matches), "k is 0");
    EXPECT_ERROR(relocalize(field, offsets, 2, matches, 2), "direction is 2");
    EXPECT_ERROR(relocalize(field, offsets, 2, matches, FROM_2_TO_1), "field is 2x3");
    EXPECT_ERROR(relocalize(field, offsets + Scalar(2), 2, matches), "expected a value in [0, 2)");
    EXPECT_ERROR(relocalize(field + Scalar(0.5, 0), offsets, 2, matches), "expected a whole cell");
    EXPECT_ERROR(relocalize(field + Scalar(4, 0), offsets, 2, matches), "expected a whole cell");
    EXPECT_ERROR(relocalize(field - Scalar(0, 1), offsets, 2, matches), "expected a whole cell");
}

}}
