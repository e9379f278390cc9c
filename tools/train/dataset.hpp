// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_DATASET_HPP
#define SEMCORR_TRAIN_DATASET_HPP

#include <string>
#include <vector>

#include "opencv2/core.hpp"
#include "opencv2/semcorr/evaluation.hpp"

namespace train {

// A picture that pairs refer to
struct Picture
{
    std::string path;
    bool mirrored;                    // left and right, before use
    std::vector<cv::Point2f> points;  // all that are annotated in any pair, pixels
};

// Annotated pairs with their pictures listed once
struct Dataset
{
    std::vector<cv::semcorr::ImagePair> pairs;
    std::vector<int> picture1, picture2;         // of each pair, indices into pictures
    std::vector<Picture> pictures;
    std::vector<std::string> categories;         // in alphabetical order
    std::vector<std::vector<int> > ofCategory;   // pairs of each category
    std::string warning;                         // of points that lie outside their pictures; empty where there are none

    std::string size() const;  // in words
};

// Pixels from the centres of a picture's outermost pixels; more than half of one is outside, where these pixels end
double distanceOutside(const cv::Point2f& point, const cv::Size& picture);
const double PIXEL_EDGE = 0.5;

// Pairs of readPairs, of the categories in `only` if it is not empty, and not of those in `without`. Throws where a category is
// unknown or nothing is left, and where a point of "csv" lies outside its picture by more than a pixel. In published data sets, whose
// annotations users cannot mend, such points are counted in `warning`; training leaves them out.
Dataset readDataset(const std::string& format, const std::string& root, const std::string& split,
                    const std::vector<std::string>& only = std::vector<std::string>(),
                    const std::vector<std::string>& without = std::vector<std::string>());

// Says how many pictures both hold, on which PCK tells little of others; empty where there are none
std::string sharedWarning(const Dataset& trained, const Dataset& validated);

// Of the points of all pairs and what else identifies these but their pictures
std::string sha256Of(const std::vector<cv::semcorr::ImagePair>& pairs);

// The picture in its file's bytes, mirrored if the data set wants that; CV_8UC3. Throws naming the file.
cv::Mat decodePicture(const std::vector<uchar>& bytes, const Picture& picture);

// Points of a pair, Nx1 CV_32FC2, as a vector
std::vector<cv::Point2f> toPoints(const cv::Mat& points);

}

#endif
