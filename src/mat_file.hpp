// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_MAT_FILE_HPP
#define OPENCV_SEMCORR_MAT_FILE_HPP

#include "opencv2/core.hpp"
#include <map>
#include <set>

namespace cv { namespace semcorr {

// Those of the variables named that a MAT file of level 5 (MATLAB's -v6 and -v7) has as real numeric matrices of up to 1 MiB, as
// CV_64F. Throws for files of another level (-v4, -v7.3) and for damaged ones.
std::map<String, Mat> readMatFile(const String& filename, const std::set<String>& names);

}}

#endif
