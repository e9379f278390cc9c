// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"

namespace opencv_test { namespace {

using namespace semcorr;

// The field of an affine map of pixels, target = A · (x, y, 1), seen at the centres of source cells
static Mat affineField(const Matx23d& A, const Size& grid1, const Size& size1, const Size& grid2, const Size& size2)
{
    Mat field(grid1, CV_32FC2);
    for (int y = 0; y < grid1.height; y++)
        for (int x = 0; x < grid1.width; x++)
        {
            const Vec3d p((x + 0.5) * size1.width / grid1.width - 0.5, (y + 0.5) * size1.height / grid1.height - 0.5, 1);
            const Vec2d t = A * p;
            field.at<Point2f>(y, x) = Point2f((float)((t[0] + 0.5) * grid2.width / size2.width - 0.5),
                                              (float)((t[1] + 0.5) * grid2.height / size2.height - 0.5));
        }
    return field;
}

static double largestError(const Mat& flow, const Matx23d& A)
{
    double error = 0;
    for (int y = 0; y < flow.rows; y++)
        for (int x = 0; x < flow.cols; x++)
        {
            const Vec2d t = A * Vec3d(x, y, 1);
            const Point2f d = flow.at<Point2f>(y, x);
            error = std::max(error, std::max(std::abs(x + d.x - t[0]), std::abs(y + d.y - t[1])));
        }
    return error;
}

static Mat identityField(const Size& grid)
{
    return affineField(Matx23d(1, 0, 0, 0, 1, 0), grid, grid, grid, grid);
}

TEST(Semcorr_FieldToFlow, identity_is_no_flow)
{
    for (int i = 0; i < 20; i++)
    {
        // one cell would have no neighbour to extrapolate from; more cells than pixels are allowed
        const Size grid(randomSide(12) + 1, randomSide(12) + 1), size(randomSide(90), randomSide(90));
        Mat flow;
        fieldToFlow(identityField(grid), size, grid, size, flow);
        EXPECT_LE(cvtest::norm(flow, NORM_INF), 1e-4) << grid << " cells, " << size << " pixels";
    }
}

TEST(Semcorr_FieldToFlow, resized_image)
{
    // the same picture, 3 times as wide and twice as high: pixel centres, so target = (x + 0.5) · 3 − 0.5
    const Size size1(50, 35), size2(150, 70), grid1(5, 7), grid2(10, 4);
    const Matx23d A(3, 0, 1, 0, 2, 0.5);
    Mat flow;
    fieldToFlow(affineField(A, grid1, size1, grid2, size2), size1, grid2, size2, flow);
    EXPECT_EQ(size1, flow.size());
    EXPECT_EQ(CV_32FC2, flow.type());
    EXPECT_LE(largestError(flow, A), 1e-4);
    EXPECT_NEAR(1.f, flow.at<Point2f>(0, 0).x, 1e-4);
    EXPECT_NEAR(0.5f, flow.at<Point2f>(0, 0).y, 1e-4);
}

TEST(Semcorr_FieldToFlow, flipped_image)
{
    const Size size(64, 48), grid(8, 6);
    Mat field = identityField(grid), flow;
    for (int y = 0; y < grid.height; y++)
        for (int x = 0; x < grid.width; x++)
            field.at<Point2f>(y, x).x = (float)(grid.width - 1 - x);
    fieldToFlow(field, size, grid, size, flow);
    EXPECT_LE(largestError(flow, Matx23d(-1, 0, size.width - 1, 0, 1, 0)), 1e-4);
}

TEST(Semcorr_FieldToFlow, shift_by_whole_cells)
{
    // 16 pixels per cell, target 2 cells to the right and 1 up
    const Size size(96, 64), grid(6, 4);
    Mat flow;
    fieldToFlow(identityField(grid) + Scalar(2, -1), size, grid, size, flow);
    for (int y = 24; y < 56; y++)      // between the centres of source rows 1 … 3, whose targets lie in image 2
        for (int x = 8; x < 56; x++)
        {
            ASSERT_NEAR(32.f, flow.at<Point2f>(y, x).x, 1e-4) << Point(x, y);
            ASSERT_NEAR(-16.f, flow.at<Point2f>(y, x).y, 1e-4) << Point(x, y);
        }
}

TEST(Semcorr_FieldToFlow, affine_maps_into_the_image_are_exact)
{
    RNG& rng = theRNG();
    for (int i = 0; i < 30; i++)
    {
        const Size grid1(rng.uniform(2, 14), rng.uniform(2, 14)), grid2(rng.uniform(1, 14), rng.uniform(1, 14));
        const Size size1(rng.uniform(2, 90), rng.uniform(2, 90)), size2(rng.uniform(40, 90), rng.uniform(40, 90));
        // the corners of image 1 go to targets inside image 2
        const double sx = (double)size2.width / size1.width, sy = (double)size2.height / size1.height;
        const Matx23d A(0.4 * sx, 0.2 * sx * size1.width / size1.height, 0.2 * size2.width,
                        -0.2 * sy * size1.height / size1.width, 0.5 * sy, 0.3 * size2.height);
        SCOPED_TRACE(format("%dx%d of %dx%d to %dx%d of %dx%d (width x height)", grid1.width, grid1.height, size1.width,
                            size1.height, grid2.width, grid2.height, size2.width, size2.height));
        Mat flow;
        const Mat field = affineField(A, grid1, size1, grid2, size2);
        fieldToFlow(field, size1, grid2, size2, flow);
        EXPECT_LE(largestError(flow, A), 1e-4);
    }
}

// 1×1 and 1×n grids have no slope to extrapolate, and beyond the outermost centres targets stay in image 2.
TEST(Semcorr_FieldToFlow, targets_stay_inside)
{
    RNG& rng = theRNG();
    for (int i = 0; i < 30; i++)
    {
        const Size grid1(randomSide(6), randomSide(6)), grid2(randomSide(6), randomSide(6));
        const Size size1(rng.uniform(1, 60), rng.uniform(1, 60)), size2(rng.uniform(1, 60), rng.uniform(1, 60));
        Mat field(grid1, CV_32FC2), flow;
        for (int y = 0; y < grid1.height; y++)
            for (int x = 0; x < grid1.width; x++)
                field.at<Point2f>(y, x) = Point2f((float)rng.uniform(0, grid2.width), (float)rng.uniform(0, grid2.height));
        fieldToFlow(field, size1, grid2, size2, flow);
        for (int y = 0; y < flow.rows; y++)
            for (int x = 0; x < flow.cols; x++)
            {
                const Point2f t = flow.at<Point2f>(y, x) + Point2f((float)x, (float)y);
                ASSERT_TRUE(t.x >= -0.501 && t.y >= -0.501 && t.x <= size2.width - 0.499 && t.y <= size2.height - 0.499)
                    << t << " of " << size2 << ", grids " << grid1 << grid2;
            }
    }
}

TEST(Semcorr_FieldToFlow, one_cell_is_one_target)
{
    const Mat field(1, 1, CV_32FC2, Scalar(1, 2));
    Mat flow;
    fieldToFlow(field, Size(3, 2), Size(2, 4), Size(20, 40), flow);  // cell (1, 2) is centred at pixel (14.5, 24.5)
    for (int y = 0; y < 2; y++)
        for (int x = 0; x < 3; x++)
            EXPECT_EQ(Point2f(14.5f - x, 24.5f - y), flow.at<Point2f>(y, x));
}

TEST(Semcorr_FieldToFlow, remap_warps_image_2_onto_image_1)
{
    Mat image2(60, 80, CV_8UC3), image1, warped, flow;
    randu(image2, 0, 256);
    cv::flip(image2, image1, 1);
    const Size size = image1.size(), grid(10, 6);
    Mat field = affineField(Matx23d(-1, 0, size.width - 1, 0, 1, 0), grid, size, grid, size);
    fieldToFlow(field, size, grid, size, flow);
    remap(image2, warped, flow, noArray(), INTER_LINEAR | WARP_RELATIVE_MAP);
    EXPECT_LE(cvtest::norm(warped, image1, NORM_INF), 1);
}

TEST(Semcorr_TransferPoints, is_the_flow_at_each_pixel)
{
    const Size grid1(5, 4), size1(43, 29), grid2(6, 3), size2(37, 51);
    Mat field(grid1, CV_32FC2), flow, points2;
    for (int i = 0; i < grid1.area(); i++)
        field.ptr<Point2f>()[i] = Point2f(theRNG().uniform(0.f, 5.f), theRNG().uniform(0.f, 2.f));
    fieldToFlow(field, size1, grid2, size2, flow);
    std::vector<Point2f> points1;
    for (int y = 0; y < size1.height; y++)
        for (int x = 0; x < size1.width; x++)
            points1.push_back(Point2f((float)x, (float)y));
    transferPoints(field, size1, grid2, size2, points1, points2);
    EXPECT_TRUE(closeTo(points2.reshape(2, size1.height), flow + column(points1).reshape(2, size1.height), 1e-6));
}

TEST(Semcorr_TransferPoints, takes_all_layouts)
{
    const Size grid(4, 4), size(40, 40);
    const Mat field = identityField(grid);
    const Mat points = Mat_<float>({ 3, 2 }, { 3.5f, 4, 20, 30.25f, 39, 0 });
    Mat frame(3, 4, CV_32F, Scalar(0));
    points.copyTo(frame.colRange(1, 3));
    Mat doubles, ints, points2;
    points.convertTo(doubles, CV_64F);
    std::vector<Point2d> vector2d;
    doubles.reshape(2).copyTo(vector2d);
    const Mat expected = points.reshape(2, 3);
    const Mat inputs[] = { points, points.reshape(2, 3), points.reshape(2, 1), doubles, column(vector2d), frame.colRange(1, 3) };
    for (int i = 0; i < 6; i++)
    {
        transferPoints(field, size, grid, size, inputs[i], points2);
        EXPECT_TRUE(closeTo(points2, expected)) << i;
    }
    points.convertTo(ints, CV_32S);
    transferPoints(field, size, grid, size, ints, points2);
    EXPECT_TRUE(closeTo(points2.col(0), Mat_<Vec2f>(Mat(ints.reshape(2, 3)))));
}

// With one channel, feature 1 of a single cell and these of image 2 the scores are the values themselves.
static Point2f refined(const Mat_<float>& scores, int refine)
{
    const int shape1[] = { 1, 1, 1 }, shape2[] = { scores.rows, scores.cols, 1 };
    Mat field;
    const Ptr<ConsensusNet> net = identityNet();
    net->setLastActivation(false);
    const Ptr<Matcher> matcher = Matcher::create(makePtr<ColourFeatures>(16), net,
                                                 searchParams(SEARCH_DENSE_4D, false, false, refine));
    matcher->matchFeatures(Mat(3, shape1, CV_32F, Scalar(1)), scores.reshape(1, 3, shape2), field);
    return field.at<Point2f>(0, 0);
}

TEST(Semcorr_Refine, parabola_finds_the_vertex)
{
    for (int i = 0; i < 50; i++)
    {
        Mat_<float> scores(7, 9);
        const Point2f peak(theRNG().uniform(0.51f, 7.49f), theRNG().uniform(0.51f, 5.49f));
        const float a = theRNG().uniform(0.1f, 2.f), b = theRNG().uniform(0.1f, 2.f);
        for (int y = 0; y < 7; y++)
            for (int x = 0; x < 9; x++)
                scores(y, x) = 5 - a * (x - peak.x) * (x - peak.x) - b * (y - peak.y) * (y - peak.y);
        const Point2f found = refined(scores, REFINE_PARABOLA), cell = refined(scores, REFINE_NONE);
        EXPECT_NEAR(peak.x, found.x, 1e-3);
        EXPECT_NEAR(peak.y, found.y, 1e-3);
        EXPECT_EQ(Point2f((float)cvRound(peak.x), (float)cvRound(peak.y)), cell);
    }
}

TEST(Semcorr_Refine, parabola_at_borders_and_plateaus)
{
    Mat_<float> scores = Mat_<float>::zeros(3, 4);
    EXPECT_EQ(Point2f(0, 0), refined(scores + 1, REFINE_PARABOLA));
    scores(0, 3) = 2;  // a corner has a neighbour on one side only
    EXPECT_EQ(Point2f(3, 0), refined(scores, REFINE_PARABOLA));
    scores(1, 1) = scores(1, 2) = 3;  // two equal cells: half way
    EXPECT_EQ(Point2f(1.5, 1), refined(scores, REFINE_PARABOLA));
    EXPECT_EQ(Point2f(0, 0), refined(Mat_<float>(1, 1, 5.f), REFINE_PARABOLA));
}

TEST(Semcorr_Refine, soft_argmax_is_the_formula)
{
    for (int i = 0; i < 50; i++)
    {
        Mat_<float> scores(randomSide(9), randomSide(9));
        randu(scores, -3, 3);
        Point best;
        minMaxLoc(scores, 0, 0, 0, &best);
        double sum = 0;
        Point2d mean;
        for (int y = std::max(best.y - 2, 0); y <= std::min(best.y + 2, scores.rows - 1); y++)
            for (int x = std::max(best.x - 2, 0); x <= std::min(best.x + 2, scores.cols - 1); x++)
            {
                sum += std::exp(scores(y, x));
                mean += std::exp(scores(y, x)) * Point2d(x, y);
            }
        const Point2f found = refined(scores, REFINE_SOFT_ARGMAX);
        EXPECT_NEAR(mean.x / sum, found.x, 1e-5) << shapeText(scores);
        EXPECT_NEAR(mean.y / sum, found.y, 1e-5) << shapeText(scores);
    }
}

TEST(Semcorr_FieldToFlow, bad_input)
{
    Mat flow;
    const Size grid(4, 3), size(40, 30);
    const Mat field = identityField(grid);
    Mat notFinite = field.clone();
    notFinite.at<Point2f>(1, 1).y = std::numeric_limits<float>::quiet_NaN();
    EXPECT_ERROR(fieldToFlow(Mat(), size, grid, size, flow), "field is empty");
    EXPECT_ERROR(fieldToFlow(Mat(3, 4, CV_32F, Scalar(0)), size, grid, size, flow), "CV_32FC1");
    EXPECT_ERROR(fieldToFlow(Mat(3, 4, CV_64FC2, Scalar(0)), size, grid, size, flow), "CV_64FC2");
    EXPECT_ERROR(fieldToFlow(notFinite, size, grid, size, flow), "field holds values that are not finite");
    EXPECT_ERROR(fieldToFlow(field, Size(0, 30), grid, size, flow), "size1 is 0 x 30");
    EXPECT_ERROR(fieldToFlow(field, size, Size(4, -3), size, flow), "grid2 is 4 x -3");
    EXPECT_ERROR(fieldToFlow(field, size, grid, Size(), flow), "size2 is 0 x 0");
}

TEST(Semcorr_TransferPoints, bad_input)
{
    Mat points2;
    const Size grid(4, 3), size(40, 30);
    const Mat field = identityField(grid), points(5, 2, CV_32F, Scalar(1));
    Mat notFinite = points.clone();
    notFinite.at<float>(4, 1) = std::numeric_limits<float>::infinity();
    EXPECT_ERROR(transferPoints(field, size, grid, size, Mat(), points2), "points1 is empty");
    EXPECT_ERROR(transferPoints(field, size, grid, size, Mat(5, 3, CV_32F, Scalar(0)), points2), "points1 is 5x3");
    EXPECT_ERROR(transferPoints(field, size, grid, size, std::vector<Point2f>(), points2), "points1");
    EXPECT_ERROR(transferPoints(field, size, grid, size, notFinite, points2), "points1 holds coordinates that are not finite");
    EXPECT_ERROR(transferPoints(Mat(), size, grid, size, points, points2), "field is empty");
    EXPECT_ERROR(transferPoints(field, Size(40, 0), grid, size, points, points2), "size1 is 40 x 0");
    EXPECT_ERROR(transferPoints(field, size, Size(0, 3), size, points, points2), "grid2 is 0 x 3");
    EXPECT_ERROR(transferPoints(field, size, grid, Size(0, 0), points, points2), "size2 is 0 x 0");
}

}}
