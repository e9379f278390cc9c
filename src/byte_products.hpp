// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// Products of bytes, for inclusion by .simd.hpp files.

#ifndef OPENCV_SEMCORR_BYTE_PRODUCTS_HPP
#define OPENCV_SEMCORR_BYTE_PRODUCTS_HPP

#include "opencv2/core/hal/intrin.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

#if CV_AVX_512VNNI

// sums[i] += Σ over the four bytes of word i of a (0 to 255) · b (-128 to 127). Around the intrinsic GCC 12 copies the sums from
// register to register, which takes nearly as long as the products.
static CV_ALWAYS_INLINE void addByteProducts(__m512i& sums, const __m512i& a, const __m512i& b)
{
#if defined __GNUC__ && !defined __clang__
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(a), "v"(b));
#else
    sums = _mm512_dpbusd_epi32(sums, a, b);
#endif
}

#endif

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}

#endif
