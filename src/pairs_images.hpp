// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_PAIRS_IMAGES_HPP
#define OPENCV_SEMCORR_PAIRS_IMAGES_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

// Width and height from the head of a JPEG or PNG file; empty for other kinds, whose content is not looked at. Throws for
// a file that is missing, or of these kinds (by name or content) and damaged. Pixels are not decoded.
Size readImageSize(const String& filename);

}}

#endif
