// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_model_files.hpp"

namespace opencv_test { namespace {

// 3 x 2 pixels; the other image has 20 x 40, so that 0.05 of its larger side is 2 pixels
TEST(Semcorr_CorrectFlow, counted_by_hand)
{
    const Mat truth = (Mat_<Vec2f>(2, 3) << Vec2f(1, 1), Vec2f(-5, 0), Vec2f(1e9f, 0), Vec2f(0, 0), Vec2f(3, 4), Vec2f(0, NAN));
    const Mat flow = (Mat_<Vec2f>(2, 3) << Vec2f(1, 3), Vec2f(-5, 0), Vec2f(0, 0), Vec2f(1.5f, 1.5f), Vec2f(0, 0), Vec2f(0, 0));
    // errors 2 (the threshold), 0, unknown, 2.12, 5, unknown
    std::vector<int> correct;
    EXPECT_EQ(4, countCorrectFlow(flow, truth, Size(20, 40), { 0.05, 0.01, 0.1, 0.125 }, correct));
    EXPECT_EQ(std::vector<int>({ 2, 1, 3, 4 }), correct);
    EXPECT_EQ(4, countCorrectFlow(flow, truth, Size(41, 40), { 0.05 }, correct));
    EXPECT_EQ(std::vector<int>({ 2 }), correct);  // 2.05
    EXPECT_EQ(4, countCorrectFlow(flow, truth, Size(43, 4), { 0.05 }, correct));
    EXPECT_EQ(std::vector<int>({ 3 }), correct);  // 2.15
    const Mat mask = (Mat_<uchar>(2, 3) << 255, 0, 255, 1, 0, 255);
    EXPECT_EQ(2, countCorrectFlow(flow, truth, Size(20, 40), { 0.05 }, correct, mask));
    EXPECT_EQ(std::vector<int>({ 1 }), correct);
}

TEST(Semcorr_CorrectFlow, errors_say_what_is_wrong)
{
    const Mat flow(4, 5, CV_32FC2, Scalar(0)), nan(4, 5, CV_32FC2, Scalar::all(NAN));
    std::vector<int> correct;
    EXPECT_ERROR(countCorrectFlow(nan, flow, Size(5, 4), { 0.1 }, correct), "flow holds values that are not finite");
    EXPECT_ERROR(countCorrectFlow(flow, flow.colRange(0, 4), Size(5, 4), { 0.1 }, correct),
                 "truth is 4x4 with 2 channels, expected 4x5");
    EXPECT_ERROR(countCorrectFlow(flow, flow, Size(5, 0), { 0.1 }, correct), "size2 is 5 x 0");
    EXPECT_ERROR(countCorrectFlow(flow, flow, Size(5, 4), {}, correct), "alphas is empty");
    EXPECT_ERROR(countCorrectFlow(flow, flow, Size(5, 4), { 0.1 }, correct, Mat(4, 5, CV_32F, Scalar(1))),
                 "mask is 4x5 of type CV_32FC1, expected 4x5 of type CV_8U");
    EXPECT_EQ(0, countCorrectFlow(flow, nan, Size(5, 4), { 0.1 }, correct));
    EXPECT_EQ(std::vector<int>({ 0 }), correct);
}

class Semcorr_FlowFile : public Semcorr_ModelFile
{
protected:
    // The format, written by hand: little-endian numbers
    static std::string fileOf(const Mat& flow)
    {
        std::string content = "PIEH";
        for (int n : { flow.cols, flow.rows })
            for (int shift = 0; shift < 32; shift += 8)
                content += (char)(n >> shift);
        return content + std::string((const char*)flow.data, flow.total() * flow.elemSize());
    }

    void read(const std::string& content, Mat& flow) const
    {
        writeAll(path("x.flo"), content);
        readFlow(path("x.flo"), flow);
    }
};

TEST_F(Semcorr_FlowFile, reads_what_was_written)
{
    const Mat written = randomFloats({ 7, 6 }, -50, 50).reshape(2);
    Mat flow;
    read(fileOf(written), flow);
    EXPECT_TRUE(sameBits(flow, written));
}

TEST_F(Semcorr_FlowFile, refuses_damaged_files)
{
    const std::string good = fileOf(Mat(2, 3, CV_32FC2, Scalar(1, 2)));
    Mat flow;
    EXPECT_ERROR(readFlow(path("none.flo"), flow), "none.flo\" is missing");
    EXPECT_ERROR(readFlow(folder, flow), "is missing");
    for (size_t size = 0; size < good.size(); size++)
        EXPECT_ERROR(read(good.substr(0, size), flow), size < 12 ? "is no .flo file" : "a flow of 3 x 2 pixels has not");
    EXPECT_ERROR(read(good + "x", flow), "has 61 bytes, which a flow of 3 x 2 pixels has not");
    EXPECT_ERROR(read("PIEG" + good.substr(4), flow), "is no .flo file");
    EXPECT_ERROR(read("PIEH" + std::string(8, '\xff') + good.substr(12), flow), "a flow of -1 x -1 pixels has not");
    EXPECT_ERROR(read("PIEH" + std::string(8, '\x7f') + good.substr(12), flow), "pixels has not");
}

}}
