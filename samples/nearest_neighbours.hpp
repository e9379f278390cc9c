// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// What there is without any training: for each cell the nearest neighbour of its features

#ifndef OPENCV_SEMCORR_SAMPLES_NEAREST_NEIGHBOURS_HPP
#define OPENCV_SEMCORR_SAMPLES_NEAREST_NEIGHBOURS_HPP

#include "opencv2/semcorr.hpp"

// A matcher whose net leaves the correlation as it is. Without `bidirectional` there is no check of the way back in confidences.
inline cv::Ptr<cv::semcorr::Matcher> nearestNeighbours(const cv::Ptr<cv::semcorr::FeatureNet>& features, bool bidirectional = false)
{
    using namespace cv::semcorr;
    const int shape[] = { 1, 1, 1, 1, 1, 1 };
    const cv::Ptr<ConsensusNet> identity = ConsensusNet::create(SYMMETRY_NONE, PADDING_INPUT);
    identity->addBlock(cv::Mat(6, shape, CV_32F, cv::Scalar(1)));
    identity->setLastActivation(false);
    Matcher::Params params;
    params.mode = SEARCH_DENSE_4D;
    params.mutual = false;
    params.bidirectional = bidirectional;
    params.refine = REFINE_NONE;
    return Matcher::create(features, identity, params);
}

#endif
