// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"

// Nets of two layers in one orientation are searched from plane to plane. Here that is compared with whole volumes.

namespace opencv_test { namespace {

using namespace semcorr;

static Ptr<ConsensusNet> randomNet(int padding, int symmetry, int channels)
{
    RNG& rng = theRNG();
    const Ptr<ConsensusNet> net = ConsensusNet::create(symmetry, padding);
    net->addBlock(randomFloats({ channels, 1, 3, 3, 3, 3 }, -0.4, 0.6), randomFloats({ channels }, -0.5, 0.5));
    net->addBlock(randomFloats({ 1, channels, 3, 3, 3, 3 }, -0.4, 0.5), randomFloats({ 1 }, -0.5, 0.5));
    net->setLastActivation(rng.uniform(0, 3) == 0);
    net->setResidual(rng.uniform(0, 2) * rng.uniform(-2., 2.));
    return net;
}

static Ptr<ConsensusNet> randomNet(int padding, int symmetry = SYMMETRY_NONE)
{
    return randomNet(padding, symmetry, theRNG().uniform(1, 17));
}

static Ptr<ConsensusNet> randomNet()
{
    return randomNet(theRNG().uniform(0, 2) ? PADDING_INPUT : PADDING_LAYER);
}

struct Stored
{
    Stored(const Mat& f1, const Mat& f2, const ConsensusNet& net)
    {
        Mat corr;
        correlate(f1, f2, corr);
        net.forward(corr, scores);
        bestMatches(scores, field, best, FROM_1_TO_2);
        bestMatches(scores, back, noArray(), FROM_2_TO_1);
    }
    Mat scores, field, best, back;
};

static Ptr<Matcher> denseMatcher(const Ptr<ConsensusNet>& net, int refine = REFINE_NONE)
{
    return Matcher::create(makePtr<ColourFeatures>(16), net, searchParams(SEARCH_DENSE_4D, false, true, refine));
}

TEST(Semcorr_DenseSearch, equals_whole_volumes)
{
    for (int i = 0; i < 60; i++)
    {
        const int channels = i % 10 == 0 ? 300 : theRNG().uniform(1, 40);
        const Mat f1 = randomFeatures(randomSide(12), randomSide(12), channels);
        const Mat f2 = randomFeatures(randomSide(19), randomSide(19), channels);
        const Ptr<ConsensusNet> net = randomNet();
        const Stored expected(f1, f2, *net);
        Mat field, best;
        denseMatcher(net)->matchFeatures(f1, f2, field, best);
        EXPECT_TRUE(sameBits(field, expected.field)) << shapeText(expected.scores);
        EXPECT_TRUE(sameBits(best, expected.best)) << shapeText(expected.scores);
    }
}

// Pictures with one pixel per cell, so that pixels are cells
static void transferSomePoints(const Size& grid1, const Size& grid2)
{
    const Mat f1 = randomFeatures(grid1.height, grid1.width, 16), f2 = randomFeatures(grid2.height, grid2.width, 16);
    const Ptr<ConsensusNet> net = randomNet();
    const Stored expected(f1, f2, *net);
    Mat points1, points2, confidence;
    for (int p = 0; p < grid1.area(); p += theRNG().uniform(1, 4))
        points1.push_back(Point2f((float)(p % grid1.width), (float)(p / grid1.width)));
    denseMatcher(net)->transferKeypointsFeatures(f1, grid1, f2, grid2, points1, points2, confidence);
    for (int j = 0; j < points1.rows; j++)
    {
        const Point p(points1.at<Point2f>(j)), q(points2.at<Point2f>(j));
        EXPECT_EQ(expected.field.at<Point2f>(p), Point2f(q)) << shapeText(expected.scores);
        const Mat a(1, 16, CV_32F, (void*)f1.ptr<float>(p.y, p.x)), b(1, 16, CV_32F, (void*)f2.ptr<float>(q.y, q.x));
        const Point2f way = expected.back.at<Point2f>(q) - Point2f(p);
        EXPECT_NEAR(std::max(a.dot(b), 0.) * std::exp(-0.5 * way.dot(way)), confidence.at<float>(j), 1e-5);
    }
}

TEST(Semcorr_DenseSearch, transfers_points_by_kept_scores)
{
    for (int i = 0; i < 20; i++)
        transferSomePoints(Size(randomSide(9), randomSide(9)), Size(randomSide(9), randomSide(9)));
    transferSomePoints(Size(9, 7), Size(90, 97));
    transferSomePoints(Size(40, 2), Size(61, 131));
}

// Between cells the four scores around are mixed before the best target is taken
TEST(Semcorr_DenseSearch, transfers_points_between_cells)
{
    const Mat f1 = randomFeatures(5, 7, 16), f2 = randomFeatures(6, 9, 16);
    const Ptr<ConsensusNet> net = randomNet();
    const Stored expected(f1, f2, *net);
    for (int i = 0; i < 30; i++)
    {
        const int x = theRNG().uniform(0, 6), y = theRNG().uniform(0, 4);
        const float u = theRNG().uniform(0.f, 1.f), v = theRNG().uniform(0.f, 1.f);
        const Mat rows = expected.scores.reshape(1, 5 * 7);
        const Mat mixed = (1 - v) * ((1 - u) * rows.row(y * 7 + x) + u * rows.row(y * 7 + x + 1)) +
                          v * ((1 - u) * rows.row((y + 1) * 7 + x) + u * rows.row((y + 1) * 7 + x + 1));
        Point best;
        minMaxLoc(mixed, 0, 0, 0, &best);
        Mat points2;
        denseMatcher(net)->transferKeypointsFeatures(f1, Size(7, 5), f2, Size(9, 6), Mat(1, 1, CV_32FC2, Scalar(x + u, y + v)), points2);
        EXPECT_EQ(Point2f((float)(best.x % 9), (float)(best.x / 9)), points2.at<Point2f>(0));
    }
}

static Point2f softArgmax(const Mat& scores, const Point& best)
{
    double sum = 0;
    Point2d mean;
    for (int y = std::max(best.y - 2, 0); y <= std::min(best.y + 2, scores.rows - 1); y++)
        for (int x = std::max(best.x - 2, 0); x <= std::min(best.x + 2, scores.cols - 1); x++)
        {
            const double weight = std::exp(scores.at<float>(y, x) - scores.at<float>(best));
            sum += weight;
            mean += weight * Point2d(x, y);
        }
    return Point2f(mean * (1 / sum));
}

// Grids so large that planes are cut into bands: what refinement sees around a target may lie in two of them.
TEST(Semcorr_DenseSearch, planes_in_bands)
{
    const int shapes[][4] = { { 7, 9, 97, 90 }, { 3, 5, 131, 61 } };
    for (int n = 0; n < 4; n++)
    {
        const int i = n / 2;
        const Mat f1 = randomFeatures(shapes[i][0], shapes[i][1], 9), f2 = randomFeatures(shapes[i][2], shapes[i][3], 9);
        const Ptr<ConsensusNet> net = randomNet(n % 2 ? PADDING_INPUT : PADDING_LAYER);
        const Stored expected(f1, f2, *net);
        Mat field, best, refined;
        denseMatcher(net)->matchFeatures(f1, f2, field, best);
        EXPECT_TRUE(sameBits(field, expected.field)) << shapeText(expected.scores);
        EXPECT_TRUE(sameBits(best, expected.best)) << shapeText(expected.scores);
        denseMatcher(net, REFINE_SOFT_ARGMAX)->matchFeatures(f1, f2, refined);
        for (int p = 0; p < shapes[i][0] * shapes[i][1]; p++)
        {
            const Mat plane = expected.scores.reshape(1, shapes[i][0] * shapes[i][1]).row(p).reshape(1, shapes[i][2]);
            const Point2f wanted = softArgmax(plane, Point(expected.field.ptr<Point2f>()[p]));
            EXPECT_LE(cv::norm(wanted - refined.ptr<Point2f>()[p]), 1e-3) << "cell " << p;
        }
    }
}

// All scores are equal: the first cell wins, whichever unit of work it is in.
TEST(Semcorr_DenseSearch, ties)
{
    const int threads = getNumThreads();
    const int shapes[][4] = { { 11, 13, 7, 12 }, { 4, 9, 97, 90 } };
    const Ptr<ConsensusNet> net = ConsensusNet::create(SYMMETRY_NONE, PADDING_INPUT);
    net->addBlock(randomFloats({ 2, 1, 3, 3, 3, 3 }));
    net->addBlock(randomFloats({ 1, 2, 3, 3, 3, 3 }, 0, 0), Mat(1, 1, CV_32F, Scalar(3)));
    net->setResidual(1);
    for (int i = 0; i < 2; i++)
        for (int n : { 1, 7 })
        {
            setNumThreads(n);
            const Mat f1(std::vector<int>({ shapes[i][0], shapes[i][1], 4 }), CV_32F, Scalar(0.5)),
                      f2(std::vector<int>({ shapes[i][2], shapes[i][3], 4 }), CV_32F, Scalar(0.5));
            Mat field, points2, confidence;
            denseMatcher(net)->matchFeatures(f1, f2, field);
            EXPECT_EQ(0, cvtest::norm(field, NORM_INF));
            // the way back leads to cell (0, 0), too
            denseMatcher(net)->transferKeypointsFeatures(f1, Size(shapes[i][1], shapes[i][0]), f2, Size(shapes[i][3], shapes[i][2]),
                                                         Mat_<Vec2f>({ 2, 1 }, { Vec2f(0, 0), Vec2f(1, 0) }), points2, confidence);
            EXPECT_NEAR(1, confidence.at<float>(0), 1e-6);
            EXPECT_NEAR(std::exp(-0.5), confidence.at<float>(1), 1e-6);
        }
    setNumThreads(threads);
}

TEST(Semcorr_DenseSearch, threads_give_the_same_bits)
{
    const int threads = getNumThreads();
    const int shapes[][4] = { { 11, 13, 7, 12 }, { 4, 9, 97, 90 }, { 1, 60, 5, 5 } };
    for (int i = 0; i < 3; i++)
    {
        const Mat f1 = randomFeatures(shapes[i][0], shapes[i][1], 12), f2 = randomFeatures(shapes[i][2], shapes[i][3], 12);
        const Ptr<ConsensusNet> net = randomNet();
        Mat expected[2];
        for (int n : { 1, 2, 7 })
        {
            setNumThreads(n);
            Mat got[2];
            denseMatcher(net, REFINE_SOFT_ARGMAX)->matchFeatures(f1, f2, got[0], got[1]);
            for (int j = 0; j < 2 && n > 1; j++)
                EXPECT_TRUE(sameBits(got[j], expected[j])) << n << " threads";
            if (n == 1)
                std::copy(got, got + 2, expected);
        }
    }
    setNumThreads(threads);
}

TEST(Semcorr_DenseSearch, stores_no_volume)
{
    const int threads = getNumThreads(), side = 48;
    setNumThreads(2);
    const size_t volume = sizeof(float) * side * side * side * side;
    const Mat f1 = randomFeatures(side, side, 12), f2 = randomFeatures(side, side, 12);
    const Ptr<Matcher> matcher = denseMatcher(randomNet());
    Mat field, points2;
    matcher->matchFeatures(f1, f2, field);
    EXPECT_LE(matcher->getStats().peakWorkspace, volume);
    // but what points ask for
    Mat_<Vec2f> points1(side * side, 1);
    for (int p = 0; p < side * side; p++)
        points1(p) = Vec2f((float)(p % side), (float)(p / side));
    matcher->transferKeypointsFeatures(f1, Size(side, side), f2, Size(side, side), points1, points2);
    EXPECT_GE(matcher->getStats().peakWorkspace, volume);
    setNumThreads(threads);
}

// What a stored volume takes holds the scores of any number of points.
TEST(Semcorr_DenseSearch, points_need_no_more_than_a_stored_volume)
{
    const Mat f1 = randomFeatures(9, 8, 12), f2 = randomFeatures(7, 11, 12);
    const Ptr<Matcher> matcher = denseMatcher(randomNet(PADDING_LAYER, SYMMETRY_NET));
    Mat field, points2;
    matcher->matchFeatures(f1, f2, field);
    const size_t workspace = matcher->getStats().peakWorkspace;
    const Mat points1 = randomFloats({ 200, 1 }, 0, 8);
    matcher->transferKeypointsFeatures(f1, Size(8, 9), f2, Size(11, 7), points1.reshape(2, 100), points2);
    EXPECT_EQ(workspace, matcher->getStats().peakWorkspace);
}

TEST(Semcorr_DenseSearch, memory_limit)
{
    setNumThreads(2);  // each has its memory
    const Ptr<Matcher> matcher = denseMatcher(randomNet(PADDING_INPUT, SYMMETRY_NONE, 8), REFINE_SOFT_ARGMAX);
    Matcher::Params params = matcher->getParams();
    params.memoryLimit = 1 << 20;
    matcher->setParams(params);
    Mat field;
    matcher->matchFeatures(randomFeatures(5, 5, 12), randomFeatures(5, 5, 12), field);
    EXPECT_LE(matcher->getStats().peakWorkspace, params.memoryLimit);
    const int shapes[][4] = { { 40, 40, 40, 40 }, { 4, 9, 97, 90 } };
    for (int i = 0; i < 2; i++)
    {
        const Mat f1 = randomFeatures(shapes[i][0], shapes[i][1], 12), f2 = randomFeatures(shapes[i][2], shapes[i][3], 12);
        EXPECT_ERROR(matcher->matchFeatures(f1, f2, field), "memoryLimit is 1.0 MB");
    }
}

TEST(Semcorr_DenseSearch, scores_that_are_not_finite)
{
    for (int i = 0; i < 4; i++)
    {
        const Mat f = randomFeatures(6, 6, 8), f2 = i < 2 ? f : randomFeatures(97, 90, 8);
        const int sign = i % 2 * 2 - 1;
        const Ptr<ConsensusNet> net = ConsensusNet::create(SYMMETRY_NONE, PADDING_INPUT);
        net->addBlock(randomFloats({ 2, 1, 3, 3, 3, 3 }, 1e30, 2e30));
        net->addBlock(randomFloats({ 1, 2, 3, 3, 3, 3 }, sign * 1e30, sign * 2e30));
        net->setLastActivation(false);
        Mat field;
        EXPECT_ERROR(denseMatcher(net, REFINE_SOFT_ARGMAX)->matchFeatures(f, f2, field), "not finite");
    }
}

}}
