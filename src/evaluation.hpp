// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_SRC_EVALUATION_HPP
#define OPENCV_SEMCORR_SRC_EVALUATION_HPP

#include "opencv2/semcorr/evaluation.hpp"

namespace cv { namespace semcorr {

void checkAlphas(const std::vector<double>& alphas);
void checkConvention(int reference, int flags);

// Size from the head of a .flo file; throws for a file that readFlow would not take.
Size readFlowSize(const String& filename);

// Throws unless a result, which anybody may fill in, holds what its tables are computed from.
void checkResult(const PCKResult& result, const char* name);
// Some of the pairs, by their indices, with tables of their own
PCKResult selectPairs(const PCKResult& result, const std::vector<int>& pairs);

// Indices of the pairs of each row of perCategory and perNuisance, and of all pairs
std::vector<std::vector<int> > categoryMembers(const PCKResult& result);
std::vector<std::vector<int> > nuisanceMembers(const PCKResult& result);
std::vector<int> allMembers(const PCKResult& result);
// The figure of some pairs (indices, perhaps repeated) for each alpha: mean of the pairs' shares, or share of all their points
void shareOf(const PCKResult& result, const std::vector<int>& pairs, double* shares);

}}

#endif
