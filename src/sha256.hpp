// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_SHA256_HPP
#define OPENCV_SEMCORR_SHA256_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

// SHA-256 (FIPS 180-4) as 64 lower-case hexadecimal digits. Exported for the tests, which make
// damaged files with right checksums.
CV_EXPORTS String sha256(const void* data, size_t size);

}}

#endif
