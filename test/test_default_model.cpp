// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_model_files.hpp"
#include "opencv2/imgcodecs.hpp"

namespace opencv_test { namespace {

const char MODEL[] = "../data/pmnc_lite0.yml.gz", BACKBONE[] = "../data/efficientnet_lite0_block10.onnx";

Mat samplePicture(const std::string& name)
{
    const Mat picture = imread(semcorrData("../samples/data/" + name + ".jpg"));
    CV_Assert(!picture.empty());
    return picture;
}

typedef Semcorr_ModelFile Semcorr_DefaultModel;

// Net, parameters and provenance: what is saved is equal. The parameters of create() are those of Params.
TEST_F(Semcorr_DefaultModel, is_the_file_in_data)
{
    const Ptr<Matcher> embedded = Matcher::create(), loaded = Matcher::create(semcorrData(MODEL));
    EXPECT_EQ(textOf(loaded), textOf(embedded));
    EXPECT_NE("", embedded->getProvenance());
    EXPECT_LE(readAll(semcorrData(MODEL)).size(), 1u << 20);
    EXPECT_LE(textOf(embedded).size(), 1000000u);
    Matcher::Params params;
    params.mode = SEARCH_PATCHMATCH;
    params.hypotheses = 3;
    EXPECT_EQ(SEARCH_PATCHMATCH, Matcher::create(params)->getParams().mode);
    EXPECT_EQ(3, Matcher::create(params)->getParams().hypotheses);
}

TEST_F(Semcorr_DefaultModel, needs_nothing_beside_it)
{
    const Ptr<Matcher> matcher = Matcher::create();
    matcher->save(path("model.yml"));
    const Ptr<Matcher> loaded = Matcher::create(path("model.yml"));
    const Mat picture = samplePicture("raccoon");
    Mat expected, features;
    matcher->getFeatureNet()->compute(picture, expected);
    loaded->getFeatureNet()->compute(picture, features);
    EXPECT_TRUE(sameBits(features, expected));
    EXPECT_EQ(textOf(matcher), textOf(loaded));
}

// What the file stores are the bytes that follow the backbone's in one ONNX net.
TEST_F(Semcorr_DefaultModel, features_are_those_of_one_net)
{
    const Ptr<FeatureNet> net = Matcher::create()->getFeatureNet();
    FileStorage file(semcorrData(MODEL), FileStorage::READ);
    const FileNode node = file["semcorr_matcher"]["features"];
    Mat words;
    node["onnx"][0] >> words;
    const std::string backbone = readAll(semcorrData(BACKBONE));
    std::string onnx = backbone;
    for (int i = 0; i < 4 * (int)words.total(); i++)
        onnx += (char)((unsigned)words.at<int>(i / 4) >> (8 * (i % 4)));
    ASSERT_GT((int)node["onnx_bytes"], (int)backbone.size());
    writeAll(path("net.onnx"), onnx.substr(0, (int)node["onnx_bytes"]));

    const Mat picture = samplePicture("chelsea");
    Mat expected, features, plain;
    FeatureNet::create(path("net.onnx"), net->getParams())->compute(picture, expected);
    net->compute(picture, features);
    EXPECT_TRUE(sameBits(features, expected));
    FeatureNet::create()->compute(picture, plain);
    EXPECT_GT(cv::norm(plain.reshape(1, 1), features.reshape(1, 1), NORM_INF), 0.01) << "create() is the backbone alone";
}

TEST_F(Semcorr_DefaultModel, file_for_another_module)
{
    const std::string text = textOf(Matcher::create()), backbone = readAll(semcorrData(BACKBONE));
    const std::string sum = sha256(backbone.data(), backbone.size());
    const std::string other = signedAgain(replaced(text, sum, std::string(64, '0')));
    EXPECT_ERROR(loadMatcher(other), "embedded in this module has the SHA-256 " + sum + ", expected " + std::string(64, '0'));
    const size_t from = text.find("onnx_bytes: "), to = text.find('\n', from);
    const char* const sizes[] = { "0", "-1", "1", "1688058", "2000000000" };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
    {
        const std::string edited = text.substr(0, from) + "onnx_bytes: " + sizes[i] + text.substr(to);
        EXPECT_ERROR(loadMatcher(signedAgain(edited)), std::string("onnx_bytes is ") + sizes[i]);
    }
}

// More than a matcher without training does
TEST(Semcorr_DefaultMatcher, finds_what_a_warp_moved)
{
    const Ptr<Matcher> matcher = Matcher::create();
    const char* const names[] = { "chelsea", "raccoon", "hopper", "collins" };
    for (int i = 0; i < 8; i++)
    {
        const Mat picture = samplePicture(names[i % 4]);
        const double w = picture.cols, h = picture.rows;
        const double c = 0.8 * std::cos(25 * CV_PI / 180), a = 0.8 * std::sin(25 * CV_PI / 180);  // turned by 25 degrees, smaller
        const Matx23d turned(c, a, (1 - c) * w / 2 - a * h / 2, -a, c, a * w / 2 + (1 - c) * h / 2);
        const Matx23d truth = i < 4 ? Matx23d(0.85, 0.12, 0.05 * w, -0.1, 0.9, 0.1 * h) : turned;
        Mat warped, flow;
        warpAffine(picture, warped, truth, picture.size(), INTER_LINEAR, BORDER_REFLECT);
        warped = 0.8 * warped + Scalar::all(20);
        matcher->match(picture, warped, flow);
        int inside = 0, right = 0;
        for (int y = 0; y < flow.rows; y++)
            for (int x = 0; x < flow.cols; x++)
            {
                const Vec2d target = truth * Vec3d(x, y, 1);
                if (!Rect2d(0, 0, w, h).contains(Point2d(target)))
                    continue;
                inside++;
                right += cv::norm(target - Vec2d(x, y) - Vec2d(flow.at<Vec2f>(y, x))) < 0.05 * std::max(w, h);
            }
        EXPECT_GT(right, 0.9 * inside) << names[i % 4] << (i < 4 ? ", sheared" : ", turned");
    }
}

TEST(Semcorr_DefaultMatcher, patchmatch_finds_what_dense_search_finds)
{
    const Ptr<Matcher> dense = Matcher::create(Matcher::Params(SEARCH_DENSE_4D));
    const Ptr<Matcher> sparse = Matcher::create(Matcher::Params(SEARCH_PATCHMATCH));
    const char* const pairs[][2] = { { "chelsea", "raccoon" }, { "hopper", "collins" } };
    for (int i = 0; i < 2; i++)
    {
        Mat f1, f2, field1, field2, scores1, scores2;
        dense->getFeatureNet()->compute(samplePicture(pairs[i][0]), f1);
        dense->getFeatureNet()->compute(samplePicture(pairs[i][1]), f2);
        dense->matchFeatures(f1, f2, field1, scores1);
        sparse->matchFeatures(f1, f2, field2, scores2);
        int close = 0;
        for (int y = 0; y < field1.rows; y++)
            for (int x = 0; x < field1.cols; x++)
            {
                close += cv::norm(field1.at<Point2f>(y, x) - field2.at<Point2f>(y, x)) <= 1;
                EXPECT_LE(scores2.at<float>(y, x), scores1.at<float>(y, x) + 1e-3);
            }
        EXPECT_GT(close, 0.97 * field1.total()) << pairs[i][0];
        EXPECT_EQ(SEARCH_PATCHMATCH, sparse->getStats().mode);
        EXPECT_LT(sparse->getStats().hiddenSites, dense->getStats().hiddenSites);
    }
}

// What the cost model of SEARCH_AUTO takes for the work of PatchMatch, against what is counted on photographs
TEST(Semcorr_DefaultMatcher, patchmatch_works_as_much_as_its_cost_model_says)
{
    Matcher::Params params(SEARCH_PATCHMATCH);
    params.bidirectional = false;
    const Ptr<Matcher> matcher = Matcher::create(params);
    FeatureNet::Params features = matcher->getFeatureNet()->getParams();
    for (int side = 25; side <= 100; side *= 2)
    {
        features.inputSize = Size(16 * side, 16 * side);
        matcher->getFeatureNet()->setParams(features);
        Mat flow;
        matcher->match(samplePicture("hopper"), samplePicture("collins"), flow);
        const double sites = (double)matcher->getStats().hiddenSites / (side * side);
        EXPECT_GT(sites, 250) << side << " cells a side, one direction";
        EXPECT_LT(sites, side < 100 ? 650 : 750) << side << " cells a side, one direction";
    }
}

}}
