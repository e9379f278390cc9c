// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_INFLATE_HPP
#define OPENCV_SEMCORR_INFLATE_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

// Content of zlib or gzip data; false if these are damaged or cut off. What is `limit` bytes and more is given up there and comes
// back as empty.
bool inflated(const uchar* data, size_t size, size_t limit, std::vector<uchar>& content);

}}

#endif
