// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_UTF8_HPP
#define OPENCV_SEMCORR_UTF8_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

// Length of the valid UTF-8 sequence at text[i], 0 where there is none or a control character
size_t utf8Length(const String& text, size_t i);

// Text from a file, or of an exception of cv::dnn that may echo one, for our own error messages: what is not valid UTF-8
// becomes '?' (it would end a Python process), and the text is cut to a readable length.
String printable(const String& text);

}}

#endif
