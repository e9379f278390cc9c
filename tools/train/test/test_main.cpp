// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// usage: semcorr_train_test [--list | NAME]      runs all tests, or one

#include "test.hpp"

#include <filesystem>
#include <iostream>

#include "opencv2/imgproc.hpp"

std::vector<Test>& allTests()
{
    static std::vector<Test> tests;
    return tests;
}

void expectAtMost(double value, double limit, const std::string& what)
{
    if (!(value <= limit))
        CV_Error(cv::Error::StsError, cv::format("%s is %g, expected at most %g", what.c_str(), value, limit));
}

void expectThrows(const std::function<void()>& function, const std::string& words)
{
    try
    {
        function();
    }
    catch (const cv::Exception& e)
    {
        if (e.err.find(words) == std::string::npos)
            CV_Error(cv::Error::StsError, "the error is \"" + e.err + "\", expected \"" + words + "\" in it");
        return;
    }
    CV_Error(cv::Error::StsError, "nothing was thrown, expected an error with \"" + words + "\"");
}

double maxDifference(const torch::Tensor& a, const torch::Tensor& b)
{
    TORCH_CHECK(a.sizes() == b.sizes(), "different shapes");
    return (a - b).abs().max().item<double>();
}

double maxDifference(const cv::Mat& a, const cv::Mat& b)
{
    return cv::norm(a, b, cv::NORM_INF);
}

namespace {

struct Folder
{
    std::filesystem::path path;
    Folder()
    {
        path = std::filesystem::temp_directory_path() / cv::format("semcorr_train_test_%llx", (unsigned long long)cv::getTickCount());
        std::filesystem::create_directories(path);
    }
    ~Folder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
};

}

std::string temporaryFolder()
{
    static const Folder folder;
    static int count = 0;
    const std::filesystem::path path = folder.path / std::to_string(count++);
    std::filesystem::create_directories(path);
    return path.string();
}

cv::Mat makePicture(const cv::Size& size, int seed)
{
    cv::RNG rng(seed + 1);
    cv::Mat picture(size, CV_8UC3, cv::Scalar(90, 120, 150));
    for (int i = 0; i < 40; i++)
    {
        const cv::Point centre(rng.uniform(0, size.width), rng.uniform(0, size.height));
        const cv::Scalar colour(rng.uniform(0, 256), rng.uniform(0, 256), rng.uniform(0, 256));
        if (i % 2)
            cv::circle(picture, centre, rng.uniform(4, 40), colour, cv::FILLED);
        else
            cv::rectangle(picture, centre, centre + cv::Point(rng.uniform(5, 60), rng.uniform(5, 60)), colour, cv::FILLED);
    }
    return picture;
}

int main(int argc, char** argv)
{
    const std::string wanted = argc > 1 ? argv[1] : "";
    int failed = 0, run = 0;
    for (const Test& test : allTests())
    {
        if (wanted == "--list")
        {
            std::cout << test.name << std::endl;
            continue;
        }
        if (!wanted.empty() && wanted != test.name)
            continue;
        run++;
        try
        {
            test.run();
            std::cout << "ok      " << test.name << std::endl;
        }
        catch (const std::exception& e)
        {
            failed++;
            std::cout << "FAILED  " << test.name << ": " << e.what() << std::endl;
        }
    }
    return failed > 0 || (run == 0 && wanted != "--list");
}
