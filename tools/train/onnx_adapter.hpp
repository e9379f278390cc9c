// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_ONNX_ADAPTER_HPP
#define SEMCORR_TRAIN_ONNX_ADAPTER_HPP

#include <string>
#include <vector>

#include "adapter.hpp"
#include "opencv2/core.hpp"

namespace train {

// Names of the graph's outputs, sorted
std::vector<std::string> onnxOutputs(const std::vector<uchar>& onnx);

// The net with a context adapter behind one of its outputs (1×C×h×w), and the adapter's, 1×D×h×w, as one output more. The bytes
// of the net stay as they are, and a second graph follows: protobuf merges them. Large weights are stored in half precision if
// `half`.
std::vector<uchar> appendAdapter(const std::vector<uchar>& onnx, const std::string& output, const AdapterImpl& adapter, bool half);

// Name of that output
extern const char* const ADAPTED;

// The net with one output more: a tensor of it (1×C×h×w) and behind it one more channel, which is 1 everywhere, so that what
// normalises the cells can be undone
std::vector<uchar> appendOnes(const std::vector<uchar>& onnx, const std::string& tensor, int64_t channels);

}

#endif
