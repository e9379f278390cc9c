// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "device.hpp"

#include <algorithm>
#include <cstdlib>

#include <dlfcn.h>

#include "opencv2/core.hpp"
#include "utf8.hpp"

namespace train {

// LibTorch's CUDA part is loaded where there is a driver only: it takes seconds, and the program runs without it.
static bool loadCuda(std::string& reason)
{
    if (!dlopen("libcuda.so.1", RTLD_LAZY) || !dlopen("libtorch_cuda.so", RTLD_LAZY | RTLD_GLOBAL))
    {
        reason = dlerror();
        return false;
    }
    if (torch::cuda::is_available())
        return true;
    reason = "LibTorch finds no device";
    return false;
}

// So that a seed gives the same weights every time, and --precision=float computes in float, as on the CPU
static void computeRepeatably()
{
    setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);  // cuBLAS wants it for sums in a fixed order
    at::Context& context = at::globalContext();
    context.setDeterministicAlgorithms(true, false);
    context.setDeterministicFillUninitializedMemory(false);
    context.setAllowTF32CuDNN(false);
}

torch::Device selectDevice(const Options& options, const Place& place)
{
    const int threads = options.threads ? options.threads : std::max(1, cv::getNumberOfCPUs() / place.localSize);
    torch::set_num_threads(threads);
    cv::setNumThreads(threads);
    std::string reason;
    if (options.device != "cpu" && loadCuda(reason))
    {
        computeRepeatably();
        return torch::Device(torch::kCUDA, (torch::DeviceIndex)(place.localRank % (int)torch::cuda::device_count()));
    }
    if (options.device == "cuda")
        CV_Error(cv::Error::StsNotImplemented, "--device=cuda: no CUDA device can be used (" + cv::semcorr::printable(reason) +
                                               "), expected cpu");
    return torch::kCPU;
}

}
