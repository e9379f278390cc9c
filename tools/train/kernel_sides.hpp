// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_KERNEL_SIDES_HPP
#define SEMCORR_TRAIN_KERNEL_SIDES_HPP

#include <string>
#include <vector>

namespace train {

// Kernel sides of a net described as "3-3"; none of "none". Throws for other texts, naming --net.
std::vector<int> kernelSides(const std::string& text);

}

#endif
