// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"
#include "opencv2/dnn.hpp"
#include "opencv2/imgcodecs.hpp"

#include <fstream>
#ifdef __linux__
#include <sys/stat.h>
#endif

namespace opencv_test { namespace {

using namespace cv::semcorr;

// The nets and expected values come from PyTorch: tools/backbone/export_lite0.py and make_test_nets.py.

Mat picture()
{
    const Mat image = imread(semcorrData("features/picture.png"));
    CV_Assert(image.size() == Size(400, 400));
    return image;
}

std::vector<uchar> readBytes(const String& name)
{
    std::ifstream file(name.c_str(), std::ios::binary);
    return std::vector<uchar>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

Mat readExpected(const String& name, const String& key)
{
    const FileStorage fs(semcorrData(name), FileStorage::READ);
    Mat m;
    fs[key] >> m;
    CV_Assert(!m.empty());
    return m;
}

// The part of the picture that is as large as the net's input
Mat netPicture(const String& expected, const Size& size)
{
    const Mat corner = readExpected(expected, "corner");
    return picture()(Rect(Point(corner.at<int>(0), corner.at<int>(1)), size));
}

Mat compute(const Ptr<FeatureNet>& net, const Mat& image)
{
    Mat features;
    net->compute(image, features);
    return features;
}

// h×w×C features as (h·w)×C
Mat asCells(const Mat& features)
{
    return features.reshape(1, features.size[0] * features.size[1]);
}

void expectGrid(const Mat& features, int height, int width, int channels)
{
    EXPECT_EQ(format("%dx%dx%d CV_32FC1", height, width, channels), shapeText(features));
}

FeatureNet::Params cnnParams(const std::vector<String>& outputs = std::vector<String>())
{
    FeatureNet::Params params;
    params.outputs = outputs;
    params.inputSize = Size(64, 48);
    return params;
}

Ptr<FeatureNet> createCnn(const FeatureNet::Params& params = cnnParams())
{
    return FeatureNet::create(semcorrData("nets/cnn.onnx"), params);
}

FeatureNet::Params vitParams()
{
    FeatureNet::Params params;
    params.inputSize = Size(48, 32);
    params.prefixTokens = 1;
    return params;
}

Ptr<FeatureNet> createVit(const FeatureNet::Params& params = vitParams())
{
    return FeatureNet::create(semcorrData("nets/vit.onnx"), params);
}

typedef testing::TestWithParam<Size> Semcorr_FeatureNet_Embedded;

TEST_P(Semcorr_FeatureNet_Embedded, equals_pytorch)
{
    const Size size = GetParam();
    const String expectedFile = format("features/lite0_%dx%d.yml.gz", size.width, size.height);
    const Ptr<FeatureNet> net = FeatureNet::create();
    FeatureNet::Params params = net->getParams();
    params.longestSide = 0;  // no resizing
    net->setParams(params);
    const Mat features = compute(net, picture()(Rect(Point(), size)));
    expectGrid(features, size.height / 16, size.width / 16, 112);

    const FileStorage fs(semcorrData(expectedFile), FileStorage::READ);
    const int step = (int)fs["step"], width = features.size[1];
    Mat sampled;
    for (int y = 0; y < features.size[0]; y += step)
        for (int x = 0; x < width; x += step)
            sampled.push_back(asCells(features).row(y * width + x));
    EXPECT_TRUE(closeTo(sampled, readExpected(expectedFile, "features"), 1e-3));
}

INSTANTIATE_TEST_CASE_P(/**/, Semcorr_FeatureNet_Embedded, testing::Values(Size(400, 400), Size(320, 256)));

TEST(Semcorr_FeatureNet, cells_have_unit_length)
{
    const Mat cells = asCells(compute(FeatureNet::create(), picture()));
    for (int i = 0; i < cells.rows; i++)
        EXPECT_NEAR(1, cvtest::norm(cells.row(i), NORM_L2), 1e-4);
}

TEST(Semcorr_FeatureNet, repeated_calls_give_equal_bits)
{
    const Ptr<FeatureNet> net = FeatureNet::create();
    const Mat wide = picture().rowRange(0, 300), first = compute(net, picture()), firstWide = compute(net, wide);
    EXPECT_TRUE(sameBits(first, compute(net, picture())));
    EXPECT_TRUE(sameBits(firstWide, compute(net, wide.clone()))) << "a part of an image differs from its copy";
}

TEST(Semcorr_FeatureNet, input_size_follows_the_image)
{
    const Ptr<FeatureNet> net = FeatureNet::create();
    expectGrid(compute(net, Mat(600, 800, CV_8UC3, Scalar(10, 20, 30))), 19, 25, 112);
    expectGrid(compute(net, Mat(1000, 10, CV_8UC3, Scalar(10, 20, 30))), 25, 1, 112);
    expectGrid(compute(net, Mat(2, 2, CV_8UC3, Scalar::all(0))), 25, 25, 112);

    FeatureNet::Params params = net->getParams();
    params.longestSide = 0;
    net->setParams(params);
    expectGrid(compute(net, picture()(Rect(0, 0, 100, 60))), 4, 6, 112);
    params.inputSize = Size(64, 128);
    net->setParams(params);
    expectGrid(compute(net, picture()), 8, 4, 112);
}

TEST(Semcorr_FeatureNet, input_that_would_take_too_much_memory)
{
    FeatureNet::Params params;
    params.longestSide = 4104;  // more than 4096, whose square is allowed
    const Ptr<FeatureNet> net = createCnn(params);
    Mat features;
    EXPECT_ERROR(net->compute(picture(), features), "image is 400 x 400 (width x height) and would become 4104 x 4104 as the "
                                                    "net's input, expected at most 16777216 pixels there");
    params.longestSide = 0;
    net->setParams(params);
    EXPECT_ERROR(net->compute(Mat(4104, 4112, CV_8UC3), features), "would become 4112 x 4104");
    params.longestSide = 16384;
    net->setParams(params);
    expectGrid(compute(net, Mat(2, 300, CV_8UC3, Scalar::all(0))), 112 / 4, 16384 / 4, 24);
}

TEST(Semcorr_FeatureNet, stride_of_the_coarsest_output_is_found)
{
    FeatureNet::Params params;
    params.longestSide = 90;
    const Mat image = picture()(Rect(0, 0, 64, 48));
    expectGrid(compute(createCnn(params), image), 64 / 4, 88 / 4, 24);  // 90 × 67.5 to multiples of 8
    params.stride = 16;
    expectGrid(compute(createCnn(params), image), 64 / 4, 96 / 4, 24);
    params.stride = 0;
    params.outputs.push_back("fine");
    expectGrid(compute(createCnn(params), image), 68 / 4, 88 / 4, 8);   // multiples of 4
}

TEST(Semcorr_FeatureNet, large_images_are_not_aliased)
{
    // Stripes one pixel wide are grey at a quarter of the size.
    Mat stripes(256, 256, CV_8UC3, Scalar::all(0));
    for (int x = 0; x < stripes.cols; x += 2)
        stripes.col(x).setTo(Scalar::all(255));
    const Ptr<FeatureNet> net = createCnn();
    EXPECT_TRUE(closeTo(compute(net, stripes), compute(net, Mat(256, 256, CV_8UC3, Scalar::all(128))), 0.02));
}

TEST(Semcorr_FeatureNet, swapRB)
{
    const Ptr<FeatureNet> net = FeatureNet::create();
    const Mat expected = compute(net, picture());
    FeatureNet::Params params = net->getParams();
    EXPECT_TRUE(params.swapRB);
    params.swapRB = false;
    net->setParams(params);
    Mat rgb;
    cvtColor(picture(), rgb, COLOR_BGR2RGB);
    EXPECT_TRUE(sameBits(expected, compute(net, rgb)));
    EXPECT_GT(cvtest::norm(expected, compute(net, picture()), NORM_INF), 0.01);
}

TEST(Semcorr_FeatureNet, one_output)
{
    const Mat image = netPicture("nets/cnn.yml.gz", Size(64, 48));
    const Mat coarse = compute(createCnn(cnnParams(std::vector<String>(1, "coarse"))), image);
    expectGrid(coarse, 6, 8, 16);
    EXPECT_TRUE(closeTo(asCells(coarse), readExpected("nets/cnn.yml.gz", "coarse"), 1e-5));
    const Mat fine = compute(createCnn(cnnParams(std::vector<String>(1, "fine"))), image);
    EXPECT_TRUE(closeTo(asCells(fine), readExpected("nets/cnn.yml.gz", "fine"), 1e-5));
}

TEST(Semcorr_FeatureNet, several_outputs_are_concatenated_in_order)
{
    const Mat image = netPicture("nets/cnn.yml.gz", Size(64, 48));
    std::vector<String> outputs;
    outputs.push_back("fine");
    outputs.push_back("coarse");
    const Mat features = compute(createCnn(cnnParams(outputs)), image);
    expectGrid(features, 12, 16, 24);
    EXPECT_TRUE(closeTo(asCells(features), readExpected("nets/cnn.yml.gz", "fine_coarse"), 1e-5));
    std::swap(outputs[0], outputs[1]);
    const Mat expected = readExpected("nets/cnn.yml.gz", "coarse_fine");
    EXPECT_TRUE(closeTo(asCells(compute(createCnn(cnnParams(outputs)), image)), expected, 1e-5));
    EXPECT_TRUE(closeTo(asCells(compute(createCnn(), image)), expected, 1e-5));  // all, in alphabetical order
}

TEST(Semcorr_FeatureNet, adapter)
{
    const Mat image = netPicture("nets/cnn.yml.gz", Size(64, 48));
    std::vector<String> outputs;
    outputs.push_back("fine");
    outputs.push_back("coarse");
    FeatureNet::Params params = cnnParams(outputs);
    params.adapter = readExpected("nets/cnn.yml.gz", "adapter");
    const Ptr<FeatureNet> net = createCnn(params);
    params.adapter.setTo(0);           // neither the caller's memory
    net->getParams().adapter.setTo(0); // nor a copy given out is the net's own
    const Mat features = compute(net, image);
    expectGrid(features, 12, 16, 5);
    EXPECT_TRUE(closeTo(asCells(features), readExpected("nets/cnn.yml.gz", "adapted"), 1e-5));
}

TEST(Semcorr_FeatureNet, vision_transformer)
{
    const Mat features = compute(createVit(), netPicture("nets/vit.yml.gz", Size(48, 32)));
    expectGrid(features, 4, 6, 32);
    EXPECT_TRUE(closeTo(asCells(features), readExpected("nets/vit.yml.gz", "tokens"), 1e-4));
}

TEST(Semcorr_FeatureNet, vision_transformer_of_another_size)
{
    FeatureNet::Params params = vitParams();
    params.inputSize = Size();
    EXPECT_ERROR(createVit(params), "exported for 48 x 32");
    params.inputSize = Size(96, 64);
    EXPECT_ERROR(createVit(params), "exported for 48 x 32");
    EXPECT_ERROR(createVit(params), "96 x 64");
    params.inputSize = Size(50, 35);
    EXPECT_ERROR(createVit(params), "exported for 48 x 32");
    params = vitParams();
    params.prefixTokens = 0;
    EXPECT_ERROR(createVit(params), "25 tokens");
    params.prefixTokens = 25;
    EXPECT_ERROR(createVit(params), "0 without prefixTokens (25)");
    params.prefixTokens = 26;
    EXPECT_ERROR(createVit(params), "-1 without prefixTokens (26)");
}

TEST(Semcorr_FeatureNet, output_without_grid)
{
    FeatureNet::Params params = cnnParams();
    const String file = semcorrData("nets/classifier.onnx");
    EXPECT_ERROR(FeatureNet::create(file, params), "\"logits\" is 1x5");
    params.outputs.push_back("grid");
    expectGrid(compute(FeatureNet::create(file, params), picture()), 12, 16, 4);
}

TEST(Semcorr_FeatureNet, values_that_are_not_finite)
{
    const Ptr<FeatureNet> net = FeatureNet::create(semcorrData("nets/overflow.onnx"), cnnParams());
    Mat features;
    EXPECT_ERROR(net->compute(picture(), features), "not finite");
}

TEST(Semcorr_FeatureNet, file_and_memory_give_equal_bits)
{
    const std::vector<uchar> bytes = readBytes(semcorrData("nets/cnn.onnx"));
    EXPECT_TRUE(sameBits(compute(createCnn(), picture()), compute(FeatureNet::create(bytes, cnnParams()), picture())));
}

TEST(Semcorr_FeatureNet, bad_files)
{
    EXPECT_ERROR(FeatureNet::create("no such file.onnx"), "\"no such file.onnx\" cannot be opened");
    EXPECT_ERROR(FeatureNet::create("no such \xff file.onnx"), "\"no such ? file.onnx\" cannot be opened");
    EXPECT_ERROR(FeatureNet::create(""), "cannot be opened");
    EXPECT_ERROR(FeatureNet::create(semcorrData("nets")), "nets\" is a folder or a device, expected a file");
    EXPECT_ERROR(FeatureNet::create(semcorrData("features/picture.png")), "is not an ONNX net");
}

TEST(Semcorr_FeatureNet, empty_file)
{
    const String name = cv::tempfile(".onnx");
    std::ofstream(name.c_str());
    EXPECT_ERROR(FeatureNet::create(name), name + "\" is empty, expected an ONNX file");
    std::remove(name.c_str());
}

#ifdef __linux__
TEST(Semcorr_FeatureNet, devices_are_not_read)
{
    EXPECT_ERROR(FeatureNet::create("/dev/zero"), "is a folder or a device");
    const String pipe = cv::tempfile(".onnx");
    std::remove(pipe.c_str());
    ASSERT_EQ(0, mkfifo(pipe.c_str(), 0600));
    EXPECT_ERROR(FeatureNet::create(pipe), "is a folder or a device");
    std::remove(pipe.c_str());
}
#endif

TEST(Semcorr_FeatureNet, bad_buffers)
{
    EXPECT_ERROR(FeatureNet::create(std::vector<uchar>()), "onnx is empty");
    RNG rng(1);
    for (int size = 1; size < 5000; size = size * 3 / 2 + 1)
    {
        std::vector<uchar> bytes(size);
        rng.fill(bytes, RNG::UNIFORM, 0, 256);
        EXPECT_ERROR(FeatureNet::create(bytes), format("the ONNX net of %d bytes is not an ONNX net", size));
    }
    std::vector<uchar> bytes = readBytes(semcorrData("nets/cnn.onnx"));
    for (int part = 1; part < 8; part++)
    {
        const std::vector<uchar> truncated(bytes.begin(), bytes.begin() + bytes.size() * part / 8);
        EXPECT_ERROR(FeatureNet::create(truncated, cnnParams()), "ONNX net");
    }
}

TEST(Semcorr_FeatureNet, names_that_are_not_utf8)
{
    std::vector<uchar> bytes = readBytes(semcorrData("nets/cnn.onnx"));
    const String name = "coarse";
    for (std::vector<uchar>::iterator i = bytes.begin(); i != bytes.end(); ++i)
    {
        i = std::search(i, bytes.end(), name.begin(), name.end());
        if (i == bytes.end())
            break;
        *i = 0xff;
    }
    try
    {
        FeatureNet::create(bytes, cnnParams(std::vector<String>(1, "layer3")));
        FAIL() << "no exception";
    }
    catch (const cv::Exception& e)
    {
        EXPECT_EQ(String::npos, e.err.find('\xff')) << e.err;
    }
}

TEST(Semcorr_FeatureNet, bad_images)
{
    const Ptr<FeatureNet> net = createCnn();
    Mat features;
    const int types[] = { CV_8UC1, CV_8UC4, CV_16UC3, CV_32FC3 };
    for (int i = 0; i < 4; i++)
        EXPECT_ERROR(net->compute(Mat(8, 8, types[i], Scalar::all(0)), features), typeToString(types[i]));
    EXPECT_ERROR(net->compute(Mat(), features), "image is empty");
    EXPECT_ERROR(net->compute(Mat(1, 1, CV_8UC3), features), "1 x 1");
    EXPECT_ERROR(net->compute(Mat(1, 8, CV_8UC3), features), "8 x 1");
}

// What is wrong with the parameters, and a part of the message that says so
struct BadParams
{
    const char* text;
    void (*spoil)(FeatureNet::Params& params);
};

const BadParams badParams[] = {
    { "outputs is [\"fine\", \"fine\"]", [](FeatureNet::Params& p) { p.outputs.assign(2, "fine"); } },
    { "outputs is [\"\"]", [](FeatureNet::Params& p) { p.outputs.assign(1, ""); } },
    { "outputs has \"layer3\", expected outputs of the net: \"coarse\", \"fine\"",
      [](FeatureNet::Params& p) { p.outputs.assign(1, "layer3"); } },
    { "outputs has \"?\"", [](FeatureNet::Params& p) { p.outputs.assign(1, "\xff"); } },
    { "inputSize.width is 0", [](FeatureNet::Params& p) { p.inputSize = Size(0, 64); } },
    { "inputSize.height is -64", [](FeatureNet::Params& p) { p.inputSize = Size(64, -64); } },
    { "inputSize.height is 16385", [](FeatureNet::Params& p) { p.inputSize = Size(64, 16385); } },
    { "longestSide is -1", [](FeatureNet::Params& p) { p.longestSide = -1; } },
    { "longestSide is 16385", [](FeatureNet::Params& p) { p.longestSide = 16385; } },
    { "stride is -16", [](FeatureNet::Params& p) { p.stride = -16; } },
    { "stride is 257", [](FeatureNet::Params& p) { p.stride = 257; } },
    { "mean[1] is nan", [](FeatureNet::Params& p) { p.mean[1] = std::numeric_limits<double>::quiet_NaN(); } },
    { "scale[2] is 0", [](FeatureNet::Params& p) { p.scale[2] = 0; } },
    { "scale[0] is inf", [](FeatureNet::Params& p) { p.scale[0] = std::numeric_limits<double>::infinity(); } },
    { "prefixTokens is -1", [](FeatureNet::Params& p) { p.prefixTokens = -1; } },
    { "prefixTokens is 1025", [](FeatureNet::Params& p) { p.prefixTokens = 1025; } },
    { "adapter is 4x25, expected 24 columns", [](FeatureNet::Params& p) { p.adapter = Mat::ones(4, 25, CV_32F); } },
    { "adapter is 4x24 of type CV_64FC1", [](FeatureNet::Params& p) { p.adapter = Mat::ones(4, 24, CV_64F); } },
    { "adapter holds values that are not finite",
      [](FeatureNet::Params& p) { p.adapter = Mat(4, 24, CV_32F, Scalar(std::numeric_limits<float>::infinity())); } },
    { "backend is 12345", [](FeatureNet::Params& p) { p.backend = 12345; } },
    { "backend is -1", [](FeatureNet::Params& p) { p.backend = -1; } },
    { "target 12345", [](FeatureNet::Params& p) { p.target = 12345; } },
};

TEST(Semcorr_FeatureNet, bad_params_are_refused_and_the_old_ones_stay)
{
    const Ptr<FeatureNet> net = createCnn();
    const Mat before = compute(net, picture());
    for (size_t i = 0; i < sizeof(badParams) / sizeof(badParams[0]); i++)
    {
        FeatureNet::Params params = cnnParams();
        badParams[i].spoil(params);
        EXPECT_ERROR(net->setParams(params), badParams[i].text);
        EXPECT_ERROR(createCnn(params), badParams[i].text);
    }
    EXPECT_TRUE(sameBits(before, compute(net, picture())));
    EXPECT_EQ(Size(64, 48), net->getParams().inputSize);
}

TEST(Semcorr_FeatureNet, works_on_after_an_input_size_that_the_net_cannot_take)
{
    const Ptr<FeatureNet> net = createVit();
    const Mat before = compute(net, picture());
    FeatureNet::Params params = vitParams();
    params.inputSize = Size(96, 64);
    EXPECT_THROW(net->setParams(params), cv::Exception);
    EXPECT_TRUE(sameBits(before, compute(net, picture())));
}

// A net as users bring it. SEMCORR_SHARED is a folder outside the repository; scripts/test.sh sets it where there is one.
String sharedBackbone(const String& name)
{
    const char* shared = getenv("SEMCORR_SHARED");
    const String file = String(shared ? shared : "") + "/data/backbones/" + name;
    if (!shared || !std::ifstream(file.c_str()))
        throw SkipTestException(name + " is not there, see SEMCORR_SHARED");
    return file;
}

TEST(Semcorr_FeatureNet, resnet50)
{
    FeatureNet::Params params;
    params.outputs.push_back("layer3");
    const String file = sharedBackbone("resnet50_conv4.onnx");
    const Ptr<FeatureNet> net = FeatureNet::create(file, params);
    const Mat features = compute(net, picture()), cells = asCells(features);
    expectGrid(features, 25, 25, 1024);

    Mat blob = dnn::blobFromImage(picture(), 1, Size(), params.mean, true);
    for (int c = 0; c < 3; c++)
        Mat(400, 400, CV_32F, blob.ptr<float>(0, c)) *= params.scale[c];
    dnn::Net reference = dnn::readNetFromONNX(file);
    reference.setInput(blob);
    std::vector<Mat> outputs;
    reference.forward(outputs, std::vector<String>(reference.getUnconnectedOutLayersNames()));
    Mat expected;
    cv::transpose(outputs[2].reshape(1, 1024), expected);
    for (int i = 0; i < expected.rows; i++)
        expected.row(i) /= cvtest::norm(expected.row(i), NORM_L2);
    EXPECT_TRUE(closeTo(cells, expected, 1e-4));

    params.outputs.insert(params.outputs.begin(), "layer2");  // 512 + 1024 channels, more than a Mat can have
    params.longestSide = 200;
    net->setParams(params);
    expectGrid(compute(net, picture().rowRange(0, 300)), 18, 24, 1536);  // 192 × 144, multiples of 16
}

TEST(Semcorr_FeatureNet, coarse_grids_have_half_the_cells)
{
    const Ptr<FeatureNet> net = FeatureNet::create();
    const Mat image(330, 500, CV_8UC3, Scalar(10, 20, 30));
    Mat features;
    net->compute(image, features);
    expectGrid(features, 16, 25, 112);
    const Size grids[] = { Size(13, 8), Size(7, 4), Size(4, 2) };
    for (int level = 1; level <= 3; level++)
    {
        ASSERT_TRUE(net->computeCoarse(image, level, features));
        expectGrid(features, grids[level - 1].height, grids[level - 1].width, 112);
    }
    EXPECT_ERROR(net->computeCoarse(image, 0, features), "level is 0");
    EXPECT_FALSE(createVit()->computeCoarse(image, 1, features)) << "an input of one size only";
}

}}
