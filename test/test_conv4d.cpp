// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace opencv_test { namespace {

using namespace semcorr;

// The definition, in double: src {in, h1, w1, h2, w2}, weights {out, in, kh1, kw1, kh2, kw2}
static Mat referenceConv4d(const Mat& src, const Mat& weights, const Mat& bias, int padding)
{
    int pad[4], shape[5] = { weights.size[0] };
    for (int d = 0; d < 4; d++)
    {
        pad[d] = padding == CONV_SAME ? weights.size[d + 2] / 2 : 0;
        shape[d + 1] = src.size[d + 1] + 2 * pad[d] - weights.size[d + 2] + 1;
    }
    const int* k = weights.size.p + 2;
    const int taps = k[0] * k[1] * k[2] * k[3];
    Mat dst(5, shape, CV_32F);
    float* out = dst.ptr<float>();
    int o[5], i[5];
    for (o[0] = 0; o[0] < shape[0]; o[0]++)
    for (o[1] = 0; o[1] < shape[1]; o[1]++)
    for (o[2] = 0; o[2] < shape[2]; o[2]++)
    for (o[3] = 0; o[3] < shape[3]; o[3]++)
    for (o[4] = 0; o[4] < shape[4]; o[4]++)
    {
        double sum = bias.empty() ? 0. : bias.at<float>(o[0]);
        for (i[0] = 0; i[0] < weights.size[1]; i[0]++)
        {
            const float* w = weights.ptr<float>(o[0]) + (size_t)i[0] * taps;
            for (int t = 0; t < taps; t++)
            {
                const int offset[] = { t / (k[1] * k[2] * k[3]), t / (k[2] * k[3]) % k[1], t / k[3] % k[2], t % k[3] };
                bool inside = true;
                for (int d = 0; d < 4; d++)
                {
                    i[d + 1] = o[d + 1] + offset[d] - pad[d];
                    inside = inside && i[d + 1] >= 0 && i[d + 1] < src.size[d + 1];
                }
                if (inside)
                    sum += (double)w[t] * src.at<float>(i);
            }
        }
        *out++ = (float)sum;
    }
    return dst;
}

typedef testing::TestWithParam<int> Semcorr_Conv4d_Published;

TEST_P(Semcorr_Conv4d_Published, values)
{
    const Golden golden(format("conv4d_%d", GetParam()));
    Mat y;
    conv4d(golden["x"], golden["weight"], golden["bias"], y);
    EXPECT_TRUE(closeTo(y, golden["y"]));
}

INSTANTIATE_TEST_CASE_P(/**/, Semcorr_Conv4d_Published, testing::Range(0, 4));

TEST(Semcorr_Conv4d, is_the_definition)
{
    RNG& rng = theRNG();
    const int kernels[] = { 1, 3, 3, 5, 7 }, channels[] = { 1, 1, 2, 3, 5, 8, 13, 16, 17 };
    for (int i = 0; i < 120; i++)
    {
        std::vector<int> x(5), w(6);
        double work = 1;
        x[0] = w[1] = channels[rng.uniform(0, 9)];
        w[0] = channels[rng.uniform(0, 9)];
        for (int d = 0; d < 4; d++)
        {
            x[d + 1] = randomSide(8);
            w[d + 2] = kernels[rng.uniform(0, 5)];
            work *= x[d + 1] * w[d + 2];
        }
        int padding = rng.uniform(0, 2);
        for (int d = 0; d < 4; d++)
            if (w[d + 2] > x[d + 1])
                padding = CONV_SAME;
        if (work * w[0] * w[1] > 2e7)  // keeps the test short
            continue;
        const Mat src = randomFloats(x), weights = randomFloats(w), bias = i % 4 ? randomFloats({ w[0] }) : Mat();
        SCOPED_TRACE(format("src %s, weights %s, %s, %s", shapeText(src).c_str(), shapeText(weights).c_str(),
                            bias.empty() ? "no bias" : "bias", padding == CONV_SAME ? "CONV_SAME" : "CONV_VALID"));
        Mat dst;
        conv4d(src, weights, bias, dst, padding);
        EXPECT_TRUE(closeTo(dst, referenceConv4d(src, weights, bias, padding)));
    }
}

// Widths around multiples of every vector length, in both grids' last dimension
TEST(Semcorr_Conv4d, all_widths)
{
    const int layers[][2] = { { 1, 16 }, { 16, 1 }, { 16, 16 }, { 3, 5 } };
    for (int layer = 0; layer < 4; layer++)
        for (int width = 1; width <= 35; width++)
        {
            const Mat src = randomFloats({ layers[layer][0], 2, 3, 2, width });
            const Mat weights = randomFloats({ layers[layer][1], layers[layer][0], 3, 1, 3, 5 });
            Mat dst;
            conv4d(src, weights, noArray(), dst);
            EXPECT_TRUE(closeTo(dst, referenceConv4d(src, weights, Mat(), CONV_SAME)))
                << layers[layer][0] << " to " << layers[layer][1] << " channels, width " << width;
        }
}

TEST(Semcorr_Conv4d, four_dimensions_are_one_channel)
{
    const Mat volume = randomFloats({ 4, 3, 5, 6 }), weights = randomFloats({ 2, 1, 3, 3, 3, 3 });
    const int shape[] = { 1, 4, 3, 5, 6 };
    Mat dst, expected;
    conv4d(volume, weights, noArray(), dst);
    conv4d(volume.reshape(1, 5, shape), weights, noArray(), expected);
    EXPECT_EQ(5, dst.dims);
    EXPECT_TRUE(sameBits(dst, expected));
}

TEST(Semcorr_Conv4d, takes_slices_and_works_in_place)
{
    const Mat whole = randomFloats({ 3, 6, 5, 7, 6 }), weights = randomFloats({ 3, 3, 3, 3, 3, 3 }), bias = randomFloats({ 1, 3 });
    const Range part[] = { Range::all(), Range(1, 5), Range(0, 4), Range(2, 7), Range(1, 4) };
    Mat dst, expected;
    conv4d(whole(part).clone(), weights, bias, expected);
    conv4d(whole(part), weights, bias, dst);
    EXPECT_TRUE(sameBits(dst, expected));
    Mat same = whole(part).clone();
    conv4d(same, weights, bias, same);
    EXPECT_TRUE(sameBits(same, expected));
    conv4d(whole(part), weights, bias.t(), dst);
    EXPECT_TRUE(sameBits(dst, expected));
}

TEST(Semcorr_Conv4d, bias_as_vector_of_numbers)
{
    const Mat src = randomFloats({ 1, 3, 4, 2, 5 }), weights = randomFloats({ 3, 1, 3, 3, 3, 3 });
    const std::vector<float> bias = { 0.5f, -2.f, 3.f };
    Mat dst, expected;
    conv4d(src, weights, column(bias), expected);
    conv4d(src, weights, bias, dst);
    EXPECT_TRUE(sameBits(dst, expected));

    const Ptr<ConsensusNet> net = ConsensusNet::create();
    std::vector<Mat> got, biases;
    net->addBlock(weights, bias);
    net->getBlock(0, got, biases);
    EXPECT_EQ(bias, std::vector<float>(biases[0].begin<float>(), biases[0].end<float>()));
    net->setBlock(0, weights, std::vector<std::vector<float> >(1, std::vector<float>(3, 7.f)));
    net->getBlock(0, got, biases);
    EXPECT_EQ(std::vector<float>(3, 7.f), std::vector<float>(biases[0].begin<float>(), biases[0].end<float>()));
}

#ifdef __linux__
TEST(Semcorr_Conv4d, more_values_than_a_mat_can_have)
{
    const int shape[] = { 46341, 1, 46341, 1 };  // 8 GiB of zeros that take no memory, since nobody touches them
    const size_t bytes = (size_t)shape[0] * shape[2] * sizeof(float);
    void* const zeros = mmap(0, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (zeros == MAP_FAILED)
        throw SkipTestException("no address space of 8 GiB");
    Mat dst;
    EXPECT_ERROR(conv4d(Mat(4, shape, CV_32F, zeros), randomFloats({ 1, 1, 1, 1, 1, 1 }), noArray(), dst),
                 "src has 2147488281 values, expected at most 2147483647");
    munmap(zeros, bytes);
}
#endif

TEST(Semcorr_Conv4d, bad_input)
{
    Mat dst;
    const Mat src = randomFloats({ 2, 4, 3, 5, 3 }), w = randomFloats({ 3, 2, 3, 3, 3, 3 }), b = randomFloats({ 3 });
    Mat doubles;
    w.convertTo(doubles, CV_64F);
    EXPECT_ERROR(conv4d(Mat(), w, b, dst), "src is empty");
    EXPECT_ERROR(conv4d(src, Mat(), b, dst), "weights");
    EXPECT_ERROR(conv4d(src, doubles, b, dst), "CV_64F");
    EXPECT_ERROR(conv4d(randomFloats({ 3, 4, 5 }), w, b, dst), "src is 3x4x5");
    EXPECT_ERROR(conv4d(src, randomFloats({ 2, 3, 3, 3, 3 }), b, dst), "weights is 2x3x3x3x3");
    const int even[][4] = { { 2, 3, 3, 3 }, { 3, 4, 3, 3 }, { 3, 3, 2, 3 }, { 3, 3, 3, 6 } };
    for (int i = 0; i < 4; i++)
    {
        const Mat kernel = randomFloats({ 3, 2, even[i][0], even[i][1], even[i][2], even[i][3] });
        EXPECT_ERROR(conv4d(src, kernel, b, dst), "expected odd kernel sizes");
    }
    const Mat otherChannels = randomFloats({ 3, 5, 3, 3, 3, 3 }), large = randomFloats({ 3, 2, 1, 5, 1, 1 });
    EXPECT_ERROR(conv4d(src, otherChannels, b, dst), "src has 2 channels and weights takes 5");
    EXPECT_ERROR(conv4d(src, w, randomFloats({ 4 }), dst), "expected 3 values");
    EXPECT_ERROR(conv4d(src, large, b, dst, CONV_VALID), "2x4x3x5x3");
    EXPECT_ERROR(conv4d(src, w, b, dst, 2), "padding is 2");
    EXPECT_ERROR(conv4d(src, w, b, dst, -1), "padding is -1");
}

}}
