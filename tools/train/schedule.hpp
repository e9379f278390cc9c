// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_SCHEDULE_HPP
#define SEMCORR_TRAIN_SCHEDULE_HPP

namespace train {

// One cycle: a share of the steps up from 1/25 to 1, the rest down to 1/250,000, both along a half cosine
double oneCycle(int step, int steps, double warmUp);

}

#endif
