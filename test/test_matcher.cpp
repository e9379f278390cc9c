// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"
#include "opencv2/imgcodecs.hpp"

namespace opencv_test { namespace {

using namespace semcorr;

static const int CELL = 16;  // stride of the backbone of these tests

// Best match of each cell by correlation alone, whole cells
static Ptr<Matcher> plainMatcher(int refine = REFINE_NONE, bool bidirectional = true)
{
    return Matcher::create(makePtr<ColourFeatures>(CELL), identityNet(),
                           searchParams(SEARCH_DENSE_4D, false, bidirectional, refine));
}

// An image of h×w cells of the given colours (CV_8UC3 Mat of h×w); its size need not be a multiple of the cells
static Mat paint(const Mat& colours, const Size& size)
{
    Mat image(size, CV_8UC3);
    for (int y = 0; y < size.height; y++)
        for (int x = 0; x < size.width; x++)
            image.at<Vec3b>(y, x) = colours.at<Vec3b>(y * colours.rows / size.height, x * colours.cols / size.width);
    return image;
}

static Mat randomColours(int h, int w)
{
    Mat colours(h, w, CV_8UC3);
    randu(colours, 0, 256);
    return colours;
}

// Largest difference of a flow from target = A · (x, y, 1) within `area` of image 1
static double largestError(const Mat& flow, const Matx23d& A, const Rect& area)
{
    double error = 0;
    for (int y = area.y; y < area.br().y; y++)
        for (int x = area.x; x < area.br().x; x++)
        {
            const Vec2d t = A * Vec3d(x, y, 1);
            const Point2f d = flow.at<Point2f>(y, x);
            error = std::max(error, std::max(std::abs(x + d.x - t[0]), std::abs(y + d.y - t[1])));
        }
    return error;
}

static Rect whole(const Mat& image)
{
    return Rect(Point(), image.size());
}

TEST(Semcorr_Matcher, identity)
{
    const Mat image = paint(randomColours(5, 7), Size(7 * CELL + 5, 5 * CELL + 3));
    Mat flow, confidence;
    plainMatcher()->match(image, image, flow, confidence);
    EXPECT_EQ(image.size(), flow.size());
    EXPECT_EQ(CV_32FC2, flow.type());
    EXPECT_LE(cvtest::norm(flow, NORM_INF), 1e-4);
    ASSERT_EQ(image.size(), confidence.size());
    EXPECT_EQ(CV_32FC1, confidence.type());
    EXPECT_LE(cvtest::norm(confidence, Mat(image.size(), CV_32F, Scalar(1)), NORM_INF), 1e-6);
}

TEST(Semcorr_Matcher, other_size_and_aspect_ratio)
{
    const Mat colours = randomColours(5, 6);
    const Size sizes[] = { Size(6 * CELL, 5 * CELL), Size(6 * CELL + 11, 5 * CELL + 1), Size(6 * CELL + 2, 5 * CELL + 15) };
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
        {
            const Mat image1 = paint(colours, sizes[i]), image2 = paint(colours, sizes[j]);
            const double sx = (double)image2.cols / image1.cols, sy = (double)image2.rows / image1.rows;
            Mat flow;
            plainMatcher()->match(image1, image2, flow);
            EXPECT_LE(largestError(flow, Matx23d(sx, 0, 0.5 * sx - 0.5, 0, sy, 0.5 * sy - 0.5), whole(image1)), 1e-4)
                << image1.size() << " to " << image2.size();
        }
}

TEST(Semcorr_Matcher, flip)
{
    const Mat colours = randomColours(4, 6), image1 = paint(colours, Size(6 * CELL, 4 * CELL));
    Mat image2, flow, warped;
    cv::flip(image1, image2, 1);
    plainMatcher()->match(image1, image2, flow);
    EXPECT_LE(largestError(flow, Matx23d(-1, 0, image1.cols - 1, 0, 1, 0), whole(image1)), 1e-4);
    remap(image2, warped, flow, noArray(), INTER_LINEAR | WARP_RELATIVE_MAP);
    EXPECT_LE(cvtest::norm(warped, image1, NORM_INF), 1);
}

// Image 2 shows image 1's cells two cells further right and one further down, on a larger grid.
TEST(Semcorr_Matcher, shift_by_whole_cells_to_another_grid)
{
    const Mat colours1 = randomColours(4, 5);
    Mat colours2 = randomColours(6, 8), flow, warped;
    colours1.copyTo(colours2(Rect(2, 1, 5, 4)));
    const Mat image1 = paint(colours1, Size(5 * CELL, 4 * CELL)), image2 = paint(colours2, Size(8 * CELL, 6 * CELL));
    plainMatcher()->match(image1, image2, flow);
    EXPECT_LE(largestError(flow, Matx23d(1, 0, 2 * CELL, 0, 1, CELL), whole(image1)), 1e-4);
    remap(image2, warped, flow, noArray(), INTER_LINEAR | WARP_RELATIVE_MAP);
    EXPECT_EQ(0, cvtest::norm(warped, image1, NORM_INF));
}

TEST(Semcorr_Matcher, features_of_a_permuted_grid)
{
    const Mat f1 = randomFeatures(5, 4, 40);
    Mat f2 = randomFeatures(6, 7, 40), field, scores;
    std::vector<int> order(42);
    for (int i = 0; i < 42; i++)
        order[i] = i;
    randShuffle(order);
    for (int i = 0; i < 20; i++)
        f1.reshape(1, 20).row(i).copyTo(f2.reshape(1, 42).row(order[i]));
    plainMatcher()->matchFeatures(f1, f2, field, scores);
    ASSERT_EQ(Size(4, 5), field.size());
    ASSERT_EQ(Size(4, 5), scores.size());
    for (int i = 0; i < 20; i++)
    {
        EXPECT_EQ(Point2f((float)(order[i] % 7), (float)(order[i] / 7)), field.ptr<Point2f>()[i]);
        EXPECT_NEAR(1.f, scores.ptr<float>()[i], 1e-5);
    }
}

TEST(Semcorr_Matcher, confidence_is_cosine_times_way_back)
{
    // the third cell shows the first one's colour; image 2's cell comes back to the first
    Mat colours = randomColours(1, 3);
    const Mat image2 = paint(colours, Size(3 * CELL, CELL));
    colours.at<Vec3b>(0, 2) = colours.at<Vec3b>(0, 0);
    const Mat image1 = paint(colours, Size(3 * CELL, CELL)), centres = Mat_<float>({ 3, 2 }, { 7.5, 7.5, 23.5, 7.5, 39.5, 7.5 });
    Mat points2, confidence;
    plainMatcher()->transferKeypoints(image1, image2, centres, points2, confidence);
    const float expected[] = { 1, 1, std::exp(-2.f) };
    EXPECT_TRUE(closeTo(confidence, Mat(3, 1, CV_32F, (void*)expected)));
    EXPECT_EQ(Point2f(7.5, 7.5), points2.at<Point2f>(2));
    plainMatcher(REFINE_NONE, false)->transferKeypoints(image1, image2, centres, points2, confidence);
    EXPECT_NEAR(1, confidence.at<float>(2), 1e-6);

    // unlike features: the cosine, never negative
    Mat flow;
    plainMatcher(REFINE_PARABOLA, false)->match(image1, paint(randomColours(4, 5), Size(5 * CELL, 4 * CELL)), flow, confidence);
    double low, high;
    minMaxLoc(confidence, &low, &high);
    EXPECT_GE(low, 0);
    EXPECT_LT(high, 1);
    EXPECT_GT(high, 0);
}

TEST(Semcorr_Matcher, reference_is_the_first_image)
{
    const Ptr<Matcher> matcher = plainMatcher(REFINE_PARABOLA);
    const Mat image1 = paint(randomColours(4, 5), Size(5 * CELL + 3, 4 * CELL));
    Mat flow, confidence, flow2, confidence2;
    EXPECT_ERROR(matcher->matchReference(image1, flow), "setReference");
    matcher->setReference(image1);
    for (int i = 0; i < 2; i++)
    {
        const Mat image2 = paint(randomColours(6, 3 + i), Size((3 + i) * CELL, 6 * CELL));
        matcher->match(image1, image2, flow, confidence);
        matcher->matchReference(image2, flow2, confidence2);
        EXPECT_TRUE(sameBits(flow2, flow));
        EXPECT_TRUE(sameBits(confidence2, confidence));
    }
}

TEST(Semcorr_Matcher, mask_clears_flow_and_confidence)
{
    const Mat image1 = paint(randomColours(4, 5), Size(5 * CELL, 4 * CELL)), image2 = paint(randomColours(6, 3), Size(50, 100));
    Mat mask(image1.size(), CV_8U, Scalar(0)), flow, confidence, allFlow, allConfidence;
    mask(Rect(10, 5, 30, 40)) = 1;
    mask(Rect(20, 20, 30, 10)) = 255;
    const Ptr<Matcher> matcher = plainMatcher();
    matcher->match(image1, image2, allFlow, allConfidence);
    matcher->match(image1, image2, flow, confidence, mask);
    allFlow.setTo(Scalar::all(0), mask == 0);
    allConfidence.setTo(Scalar(0), mask == 0);
    EXPECT_TRUE(sameBits(flow, allFlow));
    EXPECT_TRUE(sameBits(confidence, allConfidence));
}

TEST(Semcorr_Matcher, sparse_matches_are_sorted_cell_centres)
{
    const Mat colours = randomColours(4, 5), image1 = paint(colours, Size(5 * CELL, 4 * CELL));
    Mat colours2;
    cv::flip(colours, colours2, 1);
    colours2.colRange(0, 2) = Scalar::all(9);  // where the last two columns of image 1 are
    const Mat image2 = paint(colours2, image1.size());
    const Ptr<Matcher> matcher = plainMatcher();
    std::vector<KeyPoint> keypoints1, keypoints2;
    std::vector<DMatch> matches;
    matcher->matchSparse(image1, image2, keypoints1, keypoints2, matches);
    ASSERT_EQ(20u, matches.size());
    ASSERT_EQ(20u, keypoints1.size());
    ASSERT_EQ(20u, keypoints2.size());
    for (int i = 0; i < 20; i++)
    {
        EXPECT_EQ(i, matches[i].queryIdx);
        EXPECT_EQ(i, matches[i].trainIdx);
        if (i > 0)
        {
            EXPECT_GE(matches[i].distance, matches[i - 1].distance);
        }
        EXPECT_NEAR(1 - keypoints1[i].response, matches[i].distance, 1e-6);
        if (i < 12)  // three columns agree
        {
            EXPECT_NEAR(0, matches[i].distance, 1e-6);
            EXPECT_NEAR(image1.cols - 1 - keypoints1[i].pt.x, keypoints2[i].pt.x, 1e-4);
            EXPECT_NEAR(keypoints1[i].pt.y, keypoints2[i].pt.y, 1e-4);
        }
    }
    matcher->matchSparse(image1, image2, keypoints1, keypoints2, matches, 7);
    EXPECT_EQ(7u, matches.size());
    EXPECT_EQ(7u, keypoints1.size());
    EXPECT_EQ(7u, keypoints2.size());
    EXPECT_ERROR(matcher->matchSparse(image1, image2, keypoints1, keypoints2, matches, 0), "maxMatches is 0");
}

TEST(Semcorr_Matcher, keypoints_at_cell_centres)
{
    const Mat colours = randomColours(5, 6), image1 = paint(colours, Size(6 * CELL, 5 * CELL));
    Mat image2, doubles, points2, confidence, flow;
    cv::flip(paint(colours, Size(6 * CELL + 12, 5 * CELL + 10)), image2, 0);
    std::vector<Point2f> points1, expected;
    for (int y = 0; y < 5; y++)
        for (int x = 0; x < 6; x++)
        {
            points1.push_back(Point2f((x + 0.5f) * CELL - 0.5f, (y + 0.5f) * CELL - 0.5f));
            expected.push_back(Point2f((x + 0.5f) * 18 - 0.5f, (4 - y + 0.5f) * 18 - 0.5f));
        }
    const Ptr<Matcher> matcher = plainMatcher();
    matcher->transferKeypoints(image1, image2, points1, points2, confidence);
    EXPECT_TRUE(closeTo(points2, column(expected), 1e-6));
    EXPECT_TRUE(closeTo(confidence, Mat(30, 1, CV_32F, Scalar(1)), 1e-6));
    column(points1).reshape(1).convertTo(doubles, CV_64F);
    matcher->transferKeypoints(image1, image2, doubles, points2);
    EXPECT_TRUE(closeTo(points2, column(expected), 1e-6));

    // points outside count as on the border
    const Mat corner = Mat_<float>({ 2, 2 }, { -100, -1e6f, -0.5f, -0.5f });
    matcher->transferKeypoints(image1, image2, corner, points2);
    EXPECT_EQ(points2.at<Point2f>(1), points2.at<Point2f>(0));
}

TEST(Semcorr_Matcher, transfers_keypoints_by_features)
{
    const Mat image1 = paint(randomColours(6, 5), Size(5 * CELL + 3, 6 * CELL)),
              image2 = paint(randomColours(4, 7), Size(7 * CELL, 4 * CELL - 2)),
              points1 = Mat_<float>({ 3, 2 }, { 7.5f, 7.5f, 30.2f, 41.7f, -5, 100 });
    Mat f1, f2, expected[2], got[2];
    for (int mode : { SEARCH_DENSE_4D, SEARCH_PATCHMATCH })
    {
        const Ptr<Matcher> matcher = Matcher::create(makePtr<ColourFeatures>(CELL), Golden("nc_33").net(SYMMETRY_NET),
                                                     searchParams(mode, false, true, REFINE_PARABOLA));
        matcher->getFeatureNet()->compute(image1, f1);
        matcher->getFeatureNet()->compute(image2, f2);
        matcher->transferKeypoints(image1, image2, points1, expected[0], expected[1]);
        matcher->transferKeypointsFeatures(f1, image1.size(), f2, image2.size(), points1, got[0], got[1]);
        for (int i = 0; i < 2; i++)
            EXPECT_EQ(0, cvtest::norm(expected[i], got[i], NORM_INF));
        EXPECT_GT(cvtest::norm(got[0], NORM_INF), 0);
        EXPECT_ERROR(matcher->transferKeypointsFeatures(f1, Size(), f2, image2.size(), points1, got[0]), "size1");
        EXPECT_ERROR(matcher->transferKeypointsFeatures(f1, image1.size(), f2, Size(-1, 5), points1, got[0]), "size2");
        EXPECT_ERROR(matcher->transferKeypointsFeatures(f1, image1.size(), Mat(), image2.size(), points1, got[0]), "features2");
        EXPECT_ERROR(matcher->transferKeypointsFeatures(f1, image1.size(), f2, image2.size(), Mat(), got[0]), "points1");
    }
}

TEST(Semcorr_Matcher, second_branch_is_half_of_each)
{
    Golden golden("anc_selfsim");
    const std::vector<Mat> weights = { golden["w0"], golden["w1"] }, biases = { golden["b0"], golden["b1"] };
    const Ptr<ConsensusNet> net = Golden("nc_33").net(SYMMETRY_NET);
    const Ptr<Matcher> matcher = Matcher::create(makePtr<ColourFeatures>(CELL), net,
                                                 searchParams(SEARCH_DENSE_4D, true, false, REFINE_NONE));
    const Mat f1 = randomFeatures(6, 5, 20), f2 = randomFeatures(4, 7, 20);
    Mat branches[2], field, best, gotField, gotBest;
    for (int i = 0; i < 2; i++)
    {
        Mat s1 = f1, s2 = f2;
        if (i == 1)
        {
            selfSimilarity(f1, weights, biases, s1);
            selfSimilarity(f2, weights, biases, s2);
        }
        correlate(s1, s2, branches[i]);
        mutualFilter(branches[i], branches[i]);
        net->forward(branches[i], branches[i]);
        mutualFilter(branches[i], branches[i]);
    }
    bestMatches(branches[0], field, best);
    matcher->matchFeatures(f1, f2, gotField, gotBest);
    const int64 hiddenSites = matcher->getStats().hiddenSites;
    EXPECT_TRUE(sameBits(gotField, field));
    EXPECT_TRUE(closeTo(gotBest, best));

    matcher->setSelfSimilarity(weights, biases);
    Mat sum;
    cv::addWeighted(branches[0], 0.5, branches[1], 0.5, 0, sum);
    bestMatches(sum, field, best);
    matcher->matchFeatures(f1, f2, gotField, gotBest);
    EXPECT_TRUE(sameBits(gotField, field));
    EXPECT_TRUE(closeTo(gotBest, best));
    EXPECT_EQ(2 * hiddenSites, matcher->getStats().hiddenSites);
    Matcher::Params params = matcher->getParams();
    params.mode = SEARCH_PATCHMATCH;
    EXPECT_ERROR(
        {
            matcher->setParams(params);
            matcher->matchFeatures(f1, f2, gotField, gotBest);
        }, "SEARCH_PATCHMATCH with a self-similarity branch");
    params.mode = SEARCH_DENSE_4D;
    matcher->setParams(params);

    matcher->setSelfSimilarity(noArray(), noArray());
    bestMatches(branches[0], field, best);
    matcher->matchFeatures(f1, f2, gotField, gotBest);
    EXPECT_TRUE(closeTo(gotBest, best));
    EXPECT_ERROR(matcher->setSelfSimilarity(weights, biases, 4), "window is 4");
    EXPECT_ERROR(matcher->setSelfSimilarity(weights, biases, 3), "weights[0] takes 25 channels, expected 9");
}

TEST(Semcorr_Matcher, stats)
{
    const Ptr<Matcher> matcher = Matcher::create(makePtr<ColourFeatures>(CELL), Golden("nc_33").net(SYMMETRY_NET),
                                                 searchParams(SEARCH_AUTO, true, true, REFINE_PARABOLA));
    EXPECT_EQ(0, matcher->getStats().pairsScored);
    Mat flow;
    matcher->match(paint(randomColours(4, 5), Size(5 * CELL, 4 * CELL)), paint(randomColours(6, 3), Size(3 * CELL, 6 * CELL)), flow);
    const Matcher::Stats stats = matcher->getStats();
    EXPECT_EQ(SEARCH_DENSE_4D, stats.mode);
    EXPECT_EQ(4 * 5 * 6 * 3, stats.pairsScored);
    EXPECT_EQ(2 * 4 * 5 * 6 * 3, stats.hiddenSites);  // one hidden layer, both orientations
    EXPECT_EQ(0, stats.iterations);
    EXPECT_GT(stats.peakWorkspace, (size_t)stats.pairsScored * sizeof(float));
    EXPECT_LE(stats.peakWorkspace, matcher->getParams().memoryLimit);
    EXPECT_GE(stats.featuresMs, 0);
    EXPECT_GE(stats.searchMs, 0);
    EXPECT_GE(stats.refineMs, 0);
    EXPECT_GE(stats.totalMs, stats.featuresMs + stats.searchMs + stats.refineMs - 0.5);
}

TEST(Semcorr_Matcher, parameters)
{
    const Ptr<Matcher> matcher = plainMatcher();
    Matcher::Params params = matcher->getParams();
    EXPECT_FALSE(params.mutual);
    params.refine = REFINE_SOFT_ARGMAX;
    params.bidirectional = false;
    params.memoryLimit = 5 << 20;
    matcher->setParams(params);
    params = matcher->getParams();
    EXPECT_EQ(REFINE_SOFT_ARGMAX, params.refine);
    EXPECT_FALSE(params.bidirectional);
    EXPECT_EQ((size_t)5 << 20, params.memoryLimit);
    matcher->setProvenance("made of straw");
    EXPECT_EQ("made of straw", matcher->getProvenance());
    EXPECT_FALSE(matcher->getFeatureNet().empty());
    EXPECT_EQ(1, matcher->getConsensusNet()->getBlockCount());
}

TEST(Semcorr_Matcher, mutual_filter_is_an_option)
{
    const Mat f1 = randomFeatures(4, 5, 8), f2 = randomFeatures(5, 3, 8);
    for (int mutual = 0; mutual < 2; mutual++)
    {
        const Ptr<Matcher> matcher = Matcher::create(makePtr<ColourFeatures>(CELL), identityNet(),
                                                     searchParams(SEARCH_DENSE_4D, mutual != 0, false, REFINE_NONE));
        Mat c, field, best, expectedField, expectedBest;
        correlate(f1, f2, c);
        if (mutual)
            mutualFilter(c, c);
        c = max(c.reshape(1, 1), 0).a.reshape(1, 4, c.size.p).clone();
        if (mutual)
            mutualFilter(c, c);
        bestMatches(c, expectedField, expectedBest);
        matcher->matchFeatures(f1, f2, field, best);
        EXPECT_TRUE(sameBits(field, expectedField)) << mutual;
        EXPECT_TRUE(closeTo(best, expectedBest)) << mutual;
    }
}

TEST(Semcorr_Matcher, bad_parameters)
{
    const Ptr<FeatureNet> features = makePtr<ColourFeatures>(CELL);
    const Ptr<ConsensusNet> net = identityNet(), empty = ConsensusNet::create(), open = ConsensusNet::create();
    open->addBlock(randomFloats({ 4, 1, 3, 3, 3, 3 }));
    EXPECT_ERROR(Matcher::create(Ptr<FeatureNet>(), net), "featureNet is null");
    EXPECT_ERROR(Matcher::create(features, Ptr<ConsensusNet>()), "net is null");
    EXPECT_ERROR(Matcher::create(features, empty), "no blocks");
    EXPECT_ERROR(Matcher::create(features, open), "ends in 4 channels");
    EXPECT_ERROR(Matcher::create(features, ConsensusNet::createPreset(PRESET_NCNET_33)), "zero weights only");
    EXPECT_ERROR(Matcher::create("no_such_model.yml"), "no_such_model.yml");
    EXPECT_ERROR(Matcher::create("no_such_model.yml", Matcher::Params()), "no_such_model.yml");

    std::vector<std::pair<Matcher::Params, std::string> > bad(17);
    bad[0].first.mode = 3, bad[0].second = "mode is 3";
    bad[1].first.mode = -1, bad[1].second = "mode is -1";
    bad[2].first.refine = 3, bad[2].second = "refine is 3";
    bad[3].first.target = 2, bad[3].second = "target is 2";
    bad[4].first.memoryLimit = (1 << 20) - 1, bad[4].second = "memoryLimit is 1048575";
    bad[5].first.memoryLimit = 0, bad[5].second = "memoryLimit is 0";
    bad[6].first.iterations = -1, bad[6].second = "iterations is -1";
    bad[8].first.iterations = 1001, bad[8].second = "iterations is 1001";
    bad[9].first.hypotheses = 0, bad[9].second = "hypotheses is 0";
    bad[10].first.hypotheses = 65, bad[10].second = "hypotheses is 65";
    bad[11].first.offsets = 2, bad[11].second = "offsets is 2";
    bad[12].first.offsets = -1, bad[12].second = "offsets is -1";
    bad[13].first.localRadius = -1, bad[13].second = "localRadius is -1";
    bad[14].first.localRadius = 17, bad[14].second = "localRadius is 17";
    bad[15].first.init = 3, bad[15].second = "init is 3";
    bad[16].first.init = -1, bad[16].second = "init is -1";
    bad[7].first.target = TARGET_CUDA, bad[7].second = "TARGET_CUDA";
    const Ptr<Matcher> matcher = plainMatcher(REFINE_SOFT_ARGMAX);
    for (size_t i = 0; i < bad.size(); i++)
    {
        EXPECT_ERROR(Matcher::create(bad[i].first), bad[i].second);
        EXPECT_ERROR(Matcher::create(features, net, bad[i].first), bad[i].second);
        EXPECT_ERROR(matcher->setParams(bad[i].first), bad[i].second);
        EXPECT_EQ(REFINE_SOFT_ARGMAX, matcher->getParams().refine);
    }
}

TEST(Semcorr_Matcher, bad_images)
{
    const Ptr<Matcher> matcher = plainMatcher();
    const Mat good = paint(randomColours(3, 3), Size(3 * CELL, 3 * CELL)), points(1, 2, CV_32F, Scalar(1));
    const int cube[] = { 20, 20, 20 };
    const std::pair<Mat, std::string> bad[] =
    {
        std::make_pair(Mat(), std::string(" is empty")),
        std::make_pair(Mat(1, 1, CV_8UC3, Scalar(0)), std::string(" is 1 x 1 pixels")),
        std::make_pair(Mat(1, 50, CV_8UC3, Scalar(0)), std::string(" is 50 x 1 pixels")),
        std::make_pair(Mat(40, 40, CV_8UC1, Scalar(0)), std::string("CV_8UC1")),
        std::make_pair(Mat(40, 40, CV_8UC4, Scalar(0)), std::string("CV_8UC4")),
        std::make_pair(Mat(40, 40, CV_16UC3, Scalar(0)), std::string("CV_16UC3")),
        std::make_pair(Mat(40, 40, CV_32FC3, Scalar(0)), std::string("CV_32FC3")),
        std::make_pair(Mat(3, cube, CV_8UC3, Scalar(0)), std::string(" is 20x20x20"))
    };
    Mat flow, points2;
    std::vector<KeyPoint> k1, k2;
    std::vector<DMatch> matches;
    matcher->setReference(good);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    {
        const Mat& image = bad[i].first;
        const std::string& text = bad[i].second;
        EXPECT_ERROR(matcher->match(image, good, flow), "image1");
        EXPECT_ERROR(matcher->match(image, good, flow), text);
        EXPECT_ERROR(matcher->match(good, image, flow), "image2");
        EXPECT_ERROR(matcher->match(good, image, flow), text);
        EXPECT_ERROR(matcher->setReference(image), text);
        EXPECT_ERROR(matcher->matchReference(image, flow), text);
        EXPECT_ERROR(matcher->transferKeypoints(image, good, points, points2), text);
        EXPECT_ERROR(matcher->transferKeypoints(good, image, points, points2), text);
        EXPECT_ERROR(matcher->matchSparse(image, good, k1, k2, matches), text);
        EXPECT_ERROR(matcher->matchSparse(good, image, k1, k2, matches), text);
    }
    matcher->matchReference(good, flow);  // the reference from before the errors
    EXPECT_LE(cvtest::norm(flow, NORM_INF), 1e-4);
}

TEST(Semcorr_Matcher, bad_masks_points_and_features)
{
    const Ptr<Matcher> matcher = plainMatcher();
    const Mat image = paint(randomColours(3, 4), Size(4 * CELL, 3 * CELL)), f = randomFeatures(3, 4, 8);
    Mat out, notFinite(2, 2, CV_32F, Scalar(1)), doubles, badFeatures = f.clone();
    EXPECT_ERROR(matcher->match(image, image, out, noArray(), Mat(10, 20, CV_8U, Scalar(1))), "mask1 is 10x20");
    EXPECT_ERROR(matcher->match(image, image, out, noArray(), Mat(image.size(), CV_32F, Scalar(1))), "mask1 is 48x64 of type CV_32FC1");
    EXPECT_ERROR(matcher->match(image, image, out, noArray(), image), "CV_8UC3");

    notFinite.at<float>(1, 0) = std::numeric_limits<float>::quiet_NaN();
    EXPECT_ERROR(matcher->transferKeypoints(image, image, Mat(), out), "points1 is empty");
    EXPECT_ERROR(matcher->transferKeypoints(image, image, std::vector<Point2f>(), out), "points1");
    EXPECT_ERROR(matcher->transferKeypoints(image, image, Mat(4, 3, CV_32F, Scalar(0)), out), "points1 is 4x3");
    EXPECT_ERROR(matcher->transferKeypoints(image, image, notFinite, out), "points1 holds coordinates that are not finite");

    f.convertTo(doubles, CV_64F);
    badFeatures.at<float>(2, 3, 7) = std::numeric_limits<float>::infinity();
    EXPECT_ERROR(matcher->matchFeatures(Mat(), f, out), "features1 is empty");
    EXPECT_ERROR(matcher->matchFeatures(f, doubles, out), "features2 has type CV_64F");
    EXPECT_ERROR(matcher->matchFeatures(f, badFeatures, out), "features2 holds values that are not finite");
    EXPECT_ERROR(matcher->matchFeatures(f, randomFeatures(3, 4, 7), out), "features1 has 8 channels and features2 has 7");
    EXPECT_ERROR(matcher->matchFeatures(f, Mat(3, f.size.p, CV_32F, Scalar(0)), out), "features2 is all zero");
    const std::string wrong(1, (char)0xff);
    EXPECT_ERROR(matcher->setProvenance(wrong), "UTF-8");
}

// A picture must match itself, also resized and as part of a larger one.
TEST(Semcorr_Matcher, default_matcher)
{
    const Mat picture = imread(semcorrData("features/picture.png"));
    ASSERT_FALSE(picture.empty());
    const Rect part(picture.cols / 8, picture.rows / 5, picture.cols * 3 / 4, picture.rows * 3 / 4);
    Mat smaller, flow, confidence;
    cv::resize(picture, smaller, Size(), 0.8, 0.8, INTER_AREA);
    const double s = (double)smaller.cols / picture.cols;
    const struct { Mat image1, image2; Matx23d truth; } cases[] =
    {
        { picture, picture, Matx23d(1, 0, 0, 0, 1, 0) },
        { picture, smaller, Matx23d(s, 0, 0.5 * s - 0.5, 0, s, 0.5 * s - 0.5) },
        { picture(part), picture, Matx23d(1, 0, part.x, 0, 1, part.y) }
    };
    const Ptr<Matcher> matcher = Matcher::create();
    for (int i = 0; i < 3; i++)
    {
        matcher->match(cases[i].image1, cases[i].image2, flow, confidence);
        ASSERT_EQ(cases[i].image1.size(), flow.size());
        int right = 0;
        for (int y = 0; y < flow.rows; y++)
            for (int x = 0; x < flow.cols; x++)
                right += largestError(flow, cases[i].truth, Rect(x, y, 1, 1)) < 0.05 * std::max(picture.cols, picture.rows);
        EXPECT_GT(right, 0.7 * flow.total()) << "case " << i;
        double low, high;
        minMaxLoc(confidence, &low, &high);
        EXPECT_GE(low, 0);
        EXPECT_LE(high, 1);
    }
}

}}
