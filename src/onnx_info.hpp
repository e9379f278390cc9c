// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_ONNX_INFO_HPP
#define OPENCV_SEMCORR_ONNX_INFO_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

// Width and height of the image input that an ONNX net was exported for; empty where it is not fixed or not found.
// Made for error messages: cv::dnn does not tell it in all versions. Any bytes are safe.
Size onnxInputSize(const std::vector<uchar>& onnx);

}}

#endif
