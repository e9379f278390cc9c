// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_TEST_PAIRS_HPP
#define OPENCV_SEMCORR_TEST_PAIRS_HPP

#include "test_model_files.hpp"

namespace opencv_test {

// A small data set in a folder of its own, written in exactly the format of the real one
class Semcorr_Pairs : public Semcorr_ModelFile
{
protected:
    void write(const std::string& name, const std::string& content) const
    {
        CV_Assert(cv::utils::fs::createDirectories(cv::utils::fs::getParent(path(name))));
        writeAll(path(name), content);
    }

    // The head of a PNG file, as far as the size is read
    void writePicture(const std::string& name, int width, int height) const
    {
        write(name, std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16) + big(width) + big(height));
    }

    static std::string big(unsigned n)
    {
        const char bytes[] = { (char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n };
        return std::string(bytes, 4);
    }

    static std::string little(unsigned n)
    {
        const std::string bytes = big(n);
        return std::string(bytes.rbegin(), bytes.rend());
    }

    void writeFlow(const std::string& name, int width, int height) const
    {
        write(name, "PIEH" + little(width) + little(height) + std::string((size_t)width * height * 8, '\0'));
    }

    std::vector<ImagePair> read(const std::string& dataset, const std::string& split) const
    {
        std::vector<ImagePair> pairs;
        readPairs(dataset, folder, split, pairs);
        return pairs;
    }

    ImagePair readOne(const std::string& dataset, const std::string& split) const
    {
        const std::vector<ImagePair> pairs = read(dataset, split);
        EXPECT_EQ(1u, pairs.size());
        return pairs.at(0);
    }

    // Folders of PF-PASCAL, PF-WILLOW, SPair-71k and TSS with one or two pairs
    void makePFPascal() const;
    void makePFWillow() const;
    void makeSPair() const;
    void makeTSS() const;
};

// A MAT file of level 5 with these matrices (CV_64F), little-endian unless `bigEndian`, stored as MATLAB's -v6 does
std::string matFile(const std::vector<std::pair<std::string, Mat> >& variables, bool bigEndian = false);

// Made by scipy.io.savemat(do_compression=True): class = 'cow', kps = [[10.5, 20], [nan, nan], [30, 41.25]] and bbox =
// uint16 [[3, 4, 100, 120]]
std::string compressedMatFile();

inline testing::AssertionResult hasPoints(const Mat& points, const std::vector<Point2f>& expected)
{
    return sameBits(points, column(expected));
}

}

#endif
