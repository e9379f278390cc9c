#ifdef HAVE_OPENCV_SEMCORR

typedef std::vector<cv::semcorr::ImagePair> vector_ImagePair;

#endif
