// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_TEST_HPP
#define SEMCORR_TRAIN_TEST_HPP

#include <functional>
#include <string>
#include <vector>

#include <torch/torch.h>

#include "opencv2/core.hpp"

// A test is a function that throws where something is wrong. test_train.py runs each as one of its own.
struct Test
{
    std::string name;
    std::function<void()> run;
};

std::vector<Test>& allTests();

#define TRAIN_TEST(name) \
    static void name(); \
    static const bool name##Known = (allTests().push_back(Test{ #name, name }), true); \
    static void name()

// value, limit: shown where value <= limit does not hold
void expectAtMost(double value, double limit, const std::string& what);
void expectThrows(const std::function<void()>& function, const std::string& words);

double maxDifference(const torch::Tensor& a, const torch::Tensor& b);
double maxDifference(const cv::Mat& a, const cv::Mat& b);

// A new folder for this process, removed at its end
std::string temporaryFolder();

// A picture with something to see everywhere
cv::Mat makePicture(const cv::Size& size, int seed);

#endif
