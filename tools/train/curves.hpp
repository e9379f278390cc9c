// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_CURVES_HPP
#define SEMCORR_TRAIN_CURVES_HPP

#include <string>

#include "checkpoint.hpp"

namespace train {

// A PNG picture: loss over steps above, PCK of validation below
void drawCurves(const std::string& file, const History& history, int steps);

// The same as text: step, loss and, where it was measured, PCK at each threshold
void writeLog(const std::string& file, const History& history);

}

#endif
