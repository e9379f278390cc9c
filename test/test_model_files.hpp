// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_TEST_MODEL_FILES_HPP
#define OPENCV_SEMCORR_TEST_MODEL_FILES_HPP

#include "test_precomp.hpp"
#include "opencv2/core/utils/filesystem.hpp"
#include "opencv2/semcorr/evaluation.hpp"  // to make files that are wrong in spite of a right checksum

#include <fstream>

namespace opencv_test {

using namespace cv::semcorr;

inline std::string readAll(const std::string& name)
{
    std::ifstream file(name.c_str(), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

inline void writeAll(const std::string& name, const std::string& content)
{
    std::ofstream(name.c_str(), std::ios::binary) << content;
}

// `text` with everything from its last line on replaced by the right checksum
inline std::string signedAgain(const std::string& text)
{
    const std::string body = text.substr(0, text.rfind("# sha256: "));
    return body + "# sha256: " + sha256(body.c_str(), body.size()) + "\n";
}

inline std::string replaced(std::string text, const std::string& from, const std::string& to)
{
    const size_t at = text.find(from);
    CV_Assert(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

// A folder of its own for each test
class Semcorr_ModelFile : public testing::Test
{
protected:
    void SetUp() CV_OVERRIDE
    {
        folder = cv::tempfile("");
        ASSERT_TRUE(cv::utils::fs::createDirectories(folder));
    }
    void TearDown() CV_OVERRIDE { cv::utils::fs::remove_all(folder); }

    std::string path(const std::string& name) const { return folder + "/" + name; }

    // Names of all files, the only ones that may be there
    std::string files() const
    {
        std::vector<String> names;
        cv::utils::fs::glob_relative(folder, "", names, false, true);
        std::sort(names.begin(), names.end());
        std::string list;
        for (size_t i = 0; i < names.size(); i++)
            list += (i ? " " : "") + names[i];
        return list;
    }

    std::string textOf(const Ptr<ConsensusNet>& net) const
    {
        net->save(path("text.yml"));
        return readAll(path("text.yml"));
    }

    std::string textOf(const Ptr<Matcher>& matcher) const
    {
        matcher->save(path("text.yml"));
        return readAll(path("text.yml"));
    }

    void loadNet(const std::string& text) const
    {
        writeAll(path("edited.yml"), text);
        ConsensusNet::load(path("edited.yml"));
    }

    void loadMatcher(const std::string& text) const
    {
        writeAll(path("edited.yml"), text);
        Matcher::create(path("edited.yml"));
    }

    std::string folder;
};

// One block, a kernel 1×1×3×1×1×1 of 0.5: the smallest file
inline Ptr<ConsensusNet> tinyNet()
{
    const int shape[] = { 1, 1, 3, 1, 1, 1 };
    Ptr<ConsensusNet> net = ConsensusNet::create(SYMMETRY_BLOCK, PADDING_LAYER);
    net->addBlock(Mat(6, shape, CV_32F, Scalar(0.5)));
    net->setResidual(0.25);
    return net;
}

inline std::vector<uchar> smallOnnx()
{
    const std::string content = readAll(semcorrData("nets/cnn.onnx"));
    return std::vector<uchar>(content.begin(), content.end());
}

inline FeatureNet::Params smallParams()
{
    FeatureNet::Params params;
    params.outputs = { "coarse", "fine" };
    params.inputSize = Size(64, 48);
    params.mean = Scalar(1 / 3., 2, 3);
    params.scale = Scalar(0.1, 0.2, 1 / 7.);
    params.adapter = randomFloats({ 5, 24 });
    return params;
}

inline Ptr<Matcher> smallMatcher()
{
    return Matcher::create(FeatureNet::create(smallOnnx(), smallParams()), tinyNet());
}

}

#endif
