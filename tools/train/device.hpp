// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_DEVICE_HPP
#define SEMCORR_TRAIN_DEVICE_HPP

#include <torch/torch.h>

#include "options.hpp"
#include "processes.hpp"

namespace train {

// The device to train on, and the number of CPU threads set. Processes on one machine share its cores and devices. Throws where
// CUDA is wanted and there is none.
torch::Device selectDevice(const Options& options, const Place& place);

}

#endif
