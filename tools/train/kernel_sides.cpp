// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "kernel_sides.hpp"

#include "opencv2/core.hpp"
#include "utf8.hpp"

namespace train {

std::vector<int> kernelSides(const std::string& text)
{
    std::vector<int> sides;
    if (text == "none")
        return sides;
    for (size_t i = 0; i < text.size(); i += 2)
    {
        const int side = text[i] - '0';
        const bool isSide = side == 1 || side == 3 || side == 5 || side == 7;
        if (!isSide || (i + 1 < text.size() && text[i + 1] != '-') || i + 2 == text.size())
            CV_Error(cv::Error::StsBadArg, "--net=" + cv::semcorr::printable(text) + ": expected none or kernel sides of 1, 3, 5 or "
                                           "7, such as 3-3");
        sides.push_back(side);
    }
    if (sides.empty() || sides.size() > 8)
        CV_Error(cv::Error::StsBadArg, "--net=" + cv::semcorr::printable(text) + ": expected 1 to 8 layers");
    return sides;
}

}
