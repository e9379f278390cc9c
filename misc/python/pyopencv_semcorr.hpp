#ifdef HAVE_OPENCV_SEMCORR

// What the bindings generator calls the structs nested in the module's classes
typedef cv::semcorr::FeatureNet::Params FeatureNet_Params;
typedef cv::semcorr::Matcher::Params Matcher_Params;
typedef cv::semcorr::Matcher::Stats Matcher_Stats;

#endif
