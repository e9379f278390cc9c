// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_TEST_PRECOMP_HPP
#define OPENCV_SEMCORR_TEST_PRECOMP_HPP

#include "opencv2/ts.hpp"
#include "opencv2/semcorr.hpp"
#include "opencv2/imgproc.hpp"
#include <functional>

namespace opencv_test {

// Path of a file in testdata/: in $SEMCORR_TESTDATA where that is set, else in the source tree. Throws when it is missing.
std::string semcorrData(const std::string& relative);

// One file of testdata/golden, see tools/golden/convert.py
class Golden
{
public:
    explicit Golden(const std::string& name);
    Mat operator[](const std::string& key) const;  // throws when there is none
    // the arrays weight_B_C, bias_B_C as a net
    Ptr<semcorr::ConsensusNet> net(int symmetry, int joinedBlock = -1) const;

private:
    bool has(const std::string& key) const { return !storage[key].empty(); }
    FileStorage storage;
};

// Random data come from theRNG(), which the test framework seeds anew for each test (option --test_seed).
Mat randomFloats(const std::vector<int>& shape, double low = -1, double high = 1);
Mat randomFeatures(int h, int w, int channels);  // unit length
int randomSide(int largest);                     // 1 … largest, 1 and primes more often

// n×1 copy; a Mat of a vector alone is n×1 in OpenCV 4 and has one dimension in 5
template<typename T> Mat column(const std::vector<T>& values)
{
    return Mat(values, true).reshape(0, (int)values.size());
}

Mat swapGrids(const Mat& volume);  // cᵀ: {h1, w1, h2, w2} → {h2, w2, h1, w1}
std::string shapeText(const Mat& m);

// Largest difference at most `relative` of the largest expected value; same shape and type
testing::AssertionResult closeTo(const Mat& actual, const Mat& expected, double relative = 1e-5);
// Parameters of a search, the others as by default
semcorr::Matcher::Params searchParams(int mode, bool mutual, bool bidirectional, int refine);

testing::AssertionResult sameBits(const Mat& actual, const Mat& expected);
// `action` throws a cv::Exception that is no failed assertion and whose text holds `part`
testing::AssertionResult failsWith(const std::function<void()>& action, const std::string& part);

#define EXPECT_ERROR(statement, part) EXPECT_TRUE(opencv_test::failsWith([&]() { statement; }, part)) << #statement

// A backbone for tests: the image is divided into cells of about stride×stride pixels, and a cell's feature is a unit vector
// that its centre pixel's colour determines.
class ColourFeatures CV_FINAL : public semcorr::FeatureNet
{
public:
    explicit ColourFeatures(int stride_, int channels_ = 32) : stride(stride_), channels(channels_) {}
    void compute(InputArray image, OutputArray features) CV_OVERRIDE;
    Params getParams() const CV_OVERRIDE { return Params(); }
    void setParams(const Params&) CV_OVERRIDE {}

private:
    int stride, channels;
};

// One block, kernel 1×1×1×1 of weight 1: leaves the correlation as it is
Ptr<semcorr::ConsensusNet> identityNet();

}

#endif
