// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_TEXT_HPP
#define SEMCORR_TRAIN_TEXT_HPP

#include <string>

#include "opencv2/core.hpp"

namespace train {

// The text with '?' for each byte that is not part of valid UTF-8, which a model file refuses. Unlike that of printable(), it keeps
// its length and its lines.
std::string toUtf8(const std::string& text);

// The text that was thrown. cv::Exception puts "> " before each line of several, and an empty one behind them.
std::string messageOf(const cv::Exception& e);

}

#endif
